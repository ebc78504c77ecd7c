// @ts-check
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, posix, sep } from 'node:path';

import { circles } from './circles.mjs';
import { importsOf } from './imports-of.mjs';

/**
 * A place in `src` that breaks a rule of the house.
 * @typedef {{ file: string, line: number, problem: string, advice: string }} Violation
 */

/**
 * The directories of `src`: what each may import from besides itself, and whether it may use RxJS.
 * @type {Record<string, { from: readonly string[], rxjs: boolean }>}
 */
export const HOUSE = {
  common: { from: [], rxjs: false },
  transport: { from: ['common'], rxjs: false },
  spool: { from: ['common', 'transport'], rxjs: false },
  session: { from: ['common', 'spool', 'transport'], rxjs: false },
  rx: { from: ['common'], rxjs: true },
  message: { from: ['common', 'rx', 'session', 'spool', 'transport'], rxjs: true },
  operators: { from: ['common', 'message', 'rx', 'session', 'transport'], rxjs: true },
  lookups: { from: ['common', 'rx'], rxjs: true },
  policies: { from: ['common', 'lookups', 'operators', 'session', 'transport'], rxjs: true },
  server: { from: ['common', 'operators', 'rx', 'session', 'transport'], rxjs: true },
  mta: { from: ['common', 'operators', 'session', 'transport'], rxjs: true },
  recording: { from: ['common', 'mta', 'operators', 'session', 'transport'], rxjs: true },
  testing: { from: ['common', 'mta', 'operators', 'session', 'transport'], rxjs: true },
  cli: {
    from: ['common', 'message', 'mta', 'operators', 'recording', 'server', 'session', 'testing', 'transport'],
    rxjs: true,
  },
};

/**
 * The packages that are installed only by those who need them, and the one file that may load them.
 * @type {{ file: string, packages: readonly string[] }}
 */
export const PEERS = {
  file: 'src/common/optional-peer.ts',
  packages: ['@zone-eu/mailsplit', 'libmime', 'nodemailer', 'prom-client'],
};

const LONGEST = 450;
/** So many files at most at one level of a directory. */
const MOST_FILES = 25;

/**
 * Looks through `src` below `root` for imports in the wrong direction, circles (of types, too), foreign packages, default exports and long files.
 * @param {string} root
 * @returns {Violation[]} in the order of files and lines; empty when the house is in order
 */
export function checkHouse(root) {
  /** @type {Violation[]} */
  const violations = [];
  /** @type {Map<string, Map<string, number>>} */
  const graph = new Map();
  const files = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.[cm]?tsx?$/.test(name))
    .map((name) => posix.join('src', name.split(sep).join('/')))
    .sort();
  for (const file of files) {
    const text = readFileSync(join(root, file), 'utf8');
    /** @type {(line: number, problem: string, advice: string) => void} */
    const report = (line, problem, advice) => {
      violations.push({ file, line, problem, advice });
    };
    const { imports, defaults } = importsOf(file, text);
    /** @type {Map<string, number>} */
    const edges = new Map();
    graph.set(file, edges);
    checkPlace(file, report);
    for (const { specifier, line } of imports) {
      if (!specifier.startsWith('.')) {
        checkPackage(file, specifier, (problem, advice) => report(line, problem, advice));
        continue;
      }
      const target = resolve(root, file, specifier);
      if (target === undefined) {
        report(
          line,
          `imports ${specifier}, which is not a file of src`,
          'write the path with .js at its end; keep to src',
        );
        continue;
      }
      checkDirection(file, target, (problem, advice) => report(line, problem, advice));
      if (!edges.has(target)) edges.set(target, line);
    }
    for (const line of defaults) report(line, 'exports a default', 'export it by its name');
    const length = text.replace(/\n$/, '').split('\n').length;
    if (length > LONGEST) {
      report(
        LONGEST + 1,
        `has ${length} lines`,
        `split it: one public symbol a file, ${LONGEST} lines at most`,
      );
    }
  }
  /** @type {Map<string, string[]>} */
  const levels = new Map();
  for (const file of files) {
    const directory = posix.dirname(file);
    levels.set(directory, [...(levels.get(directory) ?? []), file]);
  }
  for (const [directory, list] of levels) {
    if (list.length <= MOST_FILES) continue;
    violations.push({
      file: list[MOST_FILES] ?? directory,
      line: 1,
      problem: `is one of ${list.length} files in ${directory}`,
      advice: `join some, or make directories: ${MOST_FILES} files at most at one level`,
    });
  }
  for (const circle of circles(graph)) {
    const [file = '', next = ''] = circle;
    violations.push({
      file,
      line: graph.get(file)?.get(next) ?? 1,
      problem: `imports itself in a circle: ${circle.join(' -> ')}`,
      advice: 'move what they share, types too, into the lower of the files',
    });
  }
  return violations.sort((a, b) => (a.file === b.file ? a.line - b.line : a.file < b.file ? -1 : 1));
}

/** @param {Violation} violation */
export function formatViolation({ file, line, problem, advice }) {
  return `${file}:${line} ${problem}; ${advice}`;
}

/**
 * The directory of `src` that a file is in; an empty string for `src` itself.
 * @param {string} file
 */
function layerOf(file) {
  return file.split('/').length > 2 ? (file.split('/')[1] ?? '') : '';
}

/**
 * @param {string} file
 * @param {(line: number, problem: string, advice: string) => void} report
 */
function checkPlace(file, report) {
  const layer = layerOf(file);
  if (layer === '' ? file === 'src/index.ts' : HOUSE[layer] !== undefined) return;
  const known = Object.keys(HOUSE).join(', ');
  report(
    1,
    'is in no directory of the house',
    `move it to one of ${known}, or add a directory to scripts/house.mjs`,
  );
}

/**
 * @param {string} file
 * @param {string} specifier
 * @param {(problem: string, advice: string) => void} report
 */
function checkPackage(file, specifier, report) {
  if (specifier.startsWith('node:')) return;
  const layer = layerOf(file);
  if (specifier === 'rxjs' || specifier.startsWith('rxjs/')) {
    if (layer !== '' && HOUSE[layer]?.rxjs === false) {
      const allowed = Object.keys(HOUSE).filter((name) => HOUSE[name]?.rxjs);
      report(`imports ${specifier} in ${layer}`, `keep RxJS in ${allowed.join(', ')}; use a callback here`);
    } else if (specifier === 'rxjs/testing') {
      if (layer !== 'testing')
        report('imports rxjs/testing', 'only src/testing may: it is nothing for production');
    } else if (specifier !== 'rxjs') {
      report(`imports ${specifier}`, "import from 'rxjs': the rest is internal, deprecated or for browsers");
    }
    return;
  }
  if (PEERS.packages.some((name) => specifier === name || specifier.startsWith(`${name}/`))) {
    if (file !== PEERS.file)
      report(`imports the package ${specifier}`, `only ${PEERS.file} loads optional packages; use it`);
    return;
  }
  report(
    `imports the package ${specifier}`,
    'use a module of Node (written node:...) or RxJS; there are no other dependencies at run time',
  );
}

/**
 * @param {string} file
 * @param {string} target
 * @param {(problem: string, advice: string) => void} report
 */
function checkDirection(file, target, report) {
  if (target === 'src/index.ts') {
    report('imports src/index.ts', 'import from the file that has the symbol; index.ts is for users only');
    return;
  }
  const [from, to] = [layerOf(file), layerOf(target)];
  if (from === '' || from === to || HOUSE[from] === undefined || HOUSE[from].from.includes(to)) return;
  const allowed = HOUSE[from].from.length === 0 ? 'nothing but itself' : HOUSE[from].from.join(', ');
  report(
    `imports ${target}, but ${from} must not know ${to}`,
    `${from} may import from ${allowed}; move what is needed there, or hand it in as an argument`,
  );
}

/**
 * @param {string} root
 * @param {string} file
 * @param {string} specifier
 * @returns {string | undefined}
 */
function resolve(root, file, specifier) {
  const target = posix.join(posix.dirname(file), specifier).replace(/\.js$/, '.ts');
  return target.startsWith('src/') && target.endsWith('.ts') && existsSync(join(root, target))
    ? target
    : undefined;
}
