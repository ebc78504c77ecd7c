import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';

import { parseEndpoint } from '../../src/transport/sockets/endpoint.js';
import { PAGES, ROOT, readPage, snippet, snippetsIn, snippetsOf, type Page } from './support/markdown.js';

/** The anchors that GitHub makes of the headings of a page. */
function anchorsOf(page: string): string[] {
  const text = readFileSync(`${ROOT}${page}`, 'utf8').replace(/^```[^]*?^```/gm, '');
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\d _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

describe.each(PAGES)('%s', (page: Page) => {
  test('has no dead links within the repository', () => {
    const text = readPage(page).replace(/^```[^]*?^```/gm, '');
    const links = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link);
    expect(links.length).toBeGreaterThan(0);
    for (const link of links.filter((each) => !each.startsWith('https://'))) {
      const [path = '', anchor] = link.split('#');
      const target = path === '' ? page : join(dirname(page), path);
      expect([link, existsSync(`${ROOT}${target}`)]).toEqual([link, true]);
      if (anchor !== undefined) expect(anchorsOf(target)).toContain(anchor);
    }
  });

  test('names every block of code that is a program, and runs it', () => {
    const names = [
      'guide',
      'tasks',
      'messages',
      'migration',
      'policies',
      'testing',
      'mta',
      'check',
      'deployment',
    ];
    const tests = names.map((name) => readFileSync(`${ROOT}test/docs/${name}.test.ts`, 'utf8'));
    const others = ['application', 'illegal', 'tagging', 'cli-filter'];
    for (const { language, line, name, theirs } of snippetsOf(page)) {
      if (theirs) continue;
      if (language !== 'ts' && language !== 'js') continue;
      expect([line, name]).toEqual([line, expect.any(String)]);
      if (!others.includes(name ?? '')) expect(tests.join('\n')).toContain(`'${name ?? ''}'`);
    }
  });
});

describe('README.md', () => {
  test('writes programs that every Node here can read, and that say what they answer', () => {
    for (const { page, line, code } of snippetsIn('ts', 'js')) {
      expect(code, `${page}:${line}`).not.toMatch(/await using|return undefined;/);
    }
  });

  test('shows the program that is in examples', () => {
    const program = readFileSync(`${ROOT}examples/tagging.mjs`, 'utf8').replace('// @ts-check\n', '');
    expect(snippet('tagging').code).toBe(program);
  });

  test('gives the mail servers the address that the filter is served on', () => {
    const text = readPage('README.md');
    const [, listens = ''] = /rxmilter serve --listen (inet:\S+) filter\.mjs/.exec(text) ?? [];
    const [, postfix = ''] = /^smtpd_milters = (inet:\S+)$/m.exec(text) ?? [];
    const [, sendmail = ''] = /\bS=(inet:[^,\s]+),/.exec(text) ?? [];
    expect(parseEndpoint(postfix)).toEqual(parseEndpoint(listens));
    expect(parseEndpoint(sendmail)).toEqual(parseEndpoint(listens));
  });

  test('names scripts that there are', () => {
    const { scripts } = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8')) as {
      scripts: Record<string, string>;
    };
    const run = snippetsIn('sh').flatMap(({ code }) => [...code.matchAll(/npm run ([\w:]+)/g)]);
    expect(run.length).toBeGreaterThan(0);
    for (const [, script = ''] of run) expect(Object.keys(scripts)).toContain(script);
  });
});
