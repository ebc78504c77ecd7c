import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { checkHouse, formatViolation } from '../scripts/house.mjs';

it('is in order', () => {
  expect(checkHouse(join(import.meta.dirname, '..')).map(formatViolation)).toEqual([]);
});

it('can be installed from any registry: the lock file names none', () => {
  const lock = readFileSync(join(import.meta.dirname, '..', 'package-lock.json'), 'utf8');
  expect(lock).not.toContain('"resolved"');
});

describe('checkHouse', () => {
  let root: string;

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'house-'));
  });

  afterEach(() => {
    rmSync(root, { recursive: true });
  });

  /** What is found in a house of these files; each import is of a file that exists unless it is said otherwise. */
  function violationsOf(files: Record<string, string>): string[] {
    for (const [file, text] of Object.entries(files)) {
      mkdirSync(join(root, 'src', dirname(file)), { recursive: true });
      writeFileSync(join(root, 'src', file), text);
    }
    return checkHouse(root).map(formatViolation);
  }

  it('lets the arrows pass that are drawn', () => {
    const all = ['transport', 'session', 'operators', 'lookups', 'policies'];
    all.push('server', 'mta', 'recording', 'testing', 'cli');
    const arrows: Record<string, string[]> = {
      session: ['transport'],
      operators: ['session', 'transport'],
      server: ['operators', 'session', 'transport'],
      lookups: [],
      mta: ['operators', 'session', 'transport'],
      policies: ['lookups', 'operators', 'session', 'transport'],
      recording: ['mta', 'operators', 'session', 'transport'],
      testing: ['mta', 'operators', 'session', 'transport'],
      cli: ['mta', 'operators', 'recording', 'server', 'session', 'testing', 'transport'],
    };
    const files = Object.fromEntries(
      all.map((layer) => [
        `${layer}/a.ts`,
        (arrows[layer] ?? []).map((to) => `import { a } from '../${to}/a.js';\n`).join('') +
          'export const a = 1;\n',
      ]),
    );
    expect(violationsOf({ ...files, 'index.ts': "export { a } from './operators/a.js';\n" })).toEqual([]);
    for (const from of all) {
      for (const to of all) {
        if (from === to || arrows[from]?.includes(to)) continue;
        const found = violationsOf({ ...files, [`${from}/b.ts`]: `\nimport { a } from '../${to}/a.js';\n` });
        expect(found).toHaveLength(1);
        expect(found[0]).toContain(
          `src/${from}/b.ts:2 imports src/${to}/a.ts, but ${from} must not know ${to}; `,
        );
        rmSync(join(root, 'src', from, 'b.ts'));
      }
    }
  });

  it.each([
    ["import type { A } from '../operators/on.js';"],
    ["import { type A } from '../operators/on.js';"],
    ["import '../operators/on.js';"],
    ["export { A } from '../operators/on.js';"],
    ["export * from '../operators/on.js';"],
    ["export type { A } from '../operators/on.js';"],
    ["type B = import('../operators/on.js').A;"],
    ["type B = typeof import('../operators/on.js');"],
    ["await import('../operators/on.js');"],
    ["const on = require('../operators/on.js');"],
  ])('finds a wrong direction in %s', (text) => {
    expect(
      violationsOf({ 'operators/on.ts': 'export type A = 1;\n', 'session/x.ts': `\n${text}\n` }),
    ).toEqual([
      'src/session/x.ts:2 imports src/operators/on.ts, but session must not know operators; ' +
        'session may import from common, spool, transport; move what is needed there, or hand it in as an argument',
    ]);
  });

  it('finds circles, once each', () => {
    expect(
      violationsOf({
        'session/a.ts': "import { b } from './b.js';\n",
        'session/b.ts': "import { c } from './c.js';\n",
        'session/c.ts': "import { d } from './d.js';\nexport { a } from './a.js';\n",
        'session/d.ts': "import { d } from './d.js';\n",
        'session/e.ts': "import { a } from './a.js';\n",
      }),
    ).toEqual([
      expect.stringMatching(
        /^src\/session\/a\.ts:1 .* in a circle: src\/session\/a\.ts -> src\/session\/b\.ts -> src\/session\/c\.ts -> src\/session\/a\.ts; move/,
      ),
      expect.stringMatching(
        /^src\/session\/d\.ts:1 .* in a circle: src\/session\/d\.ts -> src\/session\/d\.ts; move/,
      ),
    ]);
  });

  it.each([
    "import type { A } from './a.js';",
    "import { type A } from './a.js';",
    "export type { A } from './a.js';",
    "export type A = import('./a.js').A;",
  ])('lets types go round in circles as little as values: %s', (text) => {
    const circle = { 'session/a.ts': "import { b } from './b.js';\n", 'session/b.ts': `${text}\n` };
    expect(violationsOf(circle)).toEqual([expect.stringContaining('imports itself in a circle')]);
  });

  it('has 25 files at most at one level of a directory', () => {
    const files = (count: number): Record<string, string> =>
      Object.fromEntries(
        Array.from({ length: count }, (_none, at) => [`session/${String(at).padStart(2, '0')}.ts`, '\n']),
      );
    expect(violationsOf(files(25))).toEqual([]);
    expect(violationsOf({ ...files(25), 'session/more/a.ts': '\n' })).toEqual([]);
    expect(violationsOf(files(26))).toEqual([
      'src/session/25.ts:1 is one of 26 files in src/session; join some, or make directories: 25 files at most at one level',
    ]);
  });

  it('lets one file load optional packages, and no other packages', () => {
    const load = (name: string): Record<string, string> => ({
      'common/optional-peer.ts': `const load = (): unknown => require('${name}');\n`,
    });
    expect(violationsOf(load('libmime'))).toEqual([]);
    expect(violationsOf(load('nodemailer/lib/addressparser'))).toEqual([]);
    expect(violationsOf(load('iconv-lite'))).toHaveLength(1);
  });

  it.each([
    [
      'session',
      'rxjs',
      'imports rxjs in session; keep RxJS in rx, message, operators, lookups, policies, server, mta, recording, testing, cli',
    ],
    ['transport', 'rxjs', 'imports rxjs in transport'],
    ['session', 'rxjs/testing', 'imports rxjs/testing in session'],
    ['operators', 'rxjs/operators', 'imports rxjs/operators; import from '],
    ['operators', 'rxjs/internal/Observable', 'imports rxjs/internal/Observable; import from '],
    ['operators', 'rxjs/testing', 'imports rxjs/testing; only src/testing may'],
    ['transport', 'net', 'imports the package net; use a module of Node (written node:...)'],
    ['operators', 'lodash/map', 'imports the package lodash/map; '],
    [
      'message',
      'libmime',
      'imports the package libmime; only src/common/optional-peer.ts loads optional packages',
    ],
    [
      'cli',
      'nodemailer/lib/addressparser',
      'imports the package nodemailer/lib/addressparser; only src/common/',
    ],
    ['message', 'libmimes', 'imports the package libmimes; use a module of Node'],
    ['session', '../index.js', 'imports src/index.ts; import from the file that has the symbol'],
    ['session', '../nowhere.js', 'imports ../nowhere.js, which is not a file of src; '],
    ['session', '../index.ts', 'imports src/index.ts; '],
    ['session', '../../outside.js', 'imports ../../outside.js, which is not a file of src; '],
  ])('finds that %s imports %s', (layer, specifier, problem) => {
    writeFileSync(join(root, 'outside.ts'), '');
    const found = violationsOf({ 'index.ts': '', [`${layer}/x.ts`]: `import { a } from '${specifier}';\n` });
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(`src/${layer}/x.ts:1 ${problem}`);
  });

  it.each([
    ['operators', 'rxjs'],
    ['server', 'rxjs'],
    ['testing', 'rxjs/testing'],
    ['transport', 'node:net'],
  ])('lets %s import %s', (layer, specifier) => {
    expect(violationsOf({ [`${layer}/x.ts`]: `import { a } from '${specifier}';\n` })).toEqual([]);
  });

  it('finds default exports, long files and files in no directory of the house', () => {
    expect(
      violationsOf({
        'session/a.ts': 'const a = 1;\nexport default a;\n',
        'session/b.ts': 'switch (1) {\n  default:\n}\nexport default function b() {}\n',
        'session/c.ts': '\n'.repeat(450),
        'session/d.ts': '\n'.repeat(451),
        'filters/e.ts': '',
        'f.ts': '',
      }),
    ).toEqual([
      expect.stringMatching(
        /^src\/f\.ts:1 is in no directory of the house; move it to one of common, transport/,
      ),
      expect.stringMatching(/^src\/filters\/e\.ts:1 is in no directory of the house/),
      'src/session/a.ts:2 exports a default; export it by its name',
      'src/session/b.ts:4 exports a default; export it by its name',
      'src/session/d.ts:451 has 451 lines; split it: one public symbol a file, 450 lines at most',
    ]);
  });
});
