import { readFileSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

import { printable } from './printable.js';
import { quietly } from './text-of.js';

/** The directory of the package that a file gets when it imports `rxmilter`; nothing where it would get none. */
export function rootSeenFrom(file: string): string | undefined {
  return quietly(() => realpathSync(dirname(createRequire(file).resolve('rxmilter/package.json'))));
}

/** The directory of this package; empty where it was made a part of another file. */
export function packageRoot(): string {
  return rootSeenFrom(import.meta.url) ?? '';
}

/** A place in a program, counted from 1 as V8 counts. */
export interface CallSite {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

const FRAME = '    at ';
const PLACE = /^((?:file:\/\/)?\/.*):(\d+):(\d+)$/;

/** Reads one line of a stack, such as `    at refuse (file:///etc/filter.mjs:3:9)`; nothing where it names no file. */
export function callSite(frame: string): CallSite | undefined {
  const text = frame.endsWith(')') ? frame.slice(0, -1) : frame;
  const url = text.indexOf('file:///');
  const named = text.indexOf('(/');
  const bare = text.startsWith('/', FRAME.length) ? FRAME.length : text.indexOf(' /') + 1;
  const begin = url !== -1 ? url : named !== -1 ? named + 1 : bare;
  const [, path, line, column] = PLACE.exec(text.slice(begin)) ?? [];
  if (path === undefined) return undefined;
  // A URL may name no file, such as one with an encoded slash.
  const file = url === -1 ? path : quietly(() => fileURLToPath(path));
  return file === undefined ? undefined : { file, line: Number(line), column: Number(column) };
}

let own: readonly string[] | undefined;

/** Whether a place is in this package itself, built or, by a source map, not. */
export function isOwn({ file }: CallSite): boolean {
  own ??= ['dist', 'src'].map((directory) => join(packageRoot(), directory) + sep);
  return own.some((directory) => file.startsWith(directory));
}

/** So many characters before a call decide whether it is a statement. */
const LOOK_BACK = 500;

/**
 * Says whether a call is a statement of its own, so that its result goes nowhere, by the source around it; nothing
 * where the file cannot be read or has no call there.
 */
export function isStatement({ file, line, column }: CallSite): boolean | undefined {
  const source = quietly(() => readFileSync(file, 'utf8').split('\n', line));
  if (source === undefined) return undefined;
  const here = source[line - 1];
  if (here === undefined || !/^[\w$]+\s*(?:\?\.\s*)?[(`]/.test(here.slice(column - 1))) return undefined;
  const before = `${source.slice(Math.max(0, line - 12), -1).join('\n')}\n${here.slice(0, column - 1)}`;
  return endsStatement(before.slice(-LOOK_BACK));
}

/** Whether a call behind this piece of a program is a statement, and not a part of one that uses its value. */
function endsStatement(text: string): boolean {
  const code = text.replace(/\/\*.*?\*\/|(?<=^|\s)\/\/[^\n]*/g, '');
  const begun = openStatement(code.replace(/(?:\(\s*0\s*,\s*)?(?:[\w$]+\s*(?:\?\s*)?\.\s*)*$/, ''));
  if (begun === undefined) return false;
  const lines = begun.split('\n').map((each) => each.trim());
  // A line that ends in no operator ends a statement, with or without a semicolon.
  let last = lines.length - 1;
  while (last > 0 && (lines[last - 1] === '' || /[-+*/%&|^?:=<>,.!~]$/.test(lines[last - 1] ?? ''))) last--;
  const statement = lines.slice(last).join(' ').trim();
  if (/(?:^|[^\w$.])(?:return|yield|throw|case|new|typeof)$/.test(statement)) return false;
  if (/(?:^|[^\w$.])(?:return|yield|throw)\b|=>|,|(?:^|[^=!<>])=(?![=>])/.test(statement)) return false;
  return !statement.endsWith(':') || statement.includes('?') || /^(?:case|default)\b/.test(statement);
}

/**
 * The part of the last statement that is there, without all that is in brackets; nothing where the end is within
 * brackets, so that the value is an argument or an element.
 */
function openStatement(code: string): string | undefined {
  let depth = 0;
  let statement = '';
  for (let at = code.length - 1; at >= 0; at--) {
    const character = code.charAt(at);
    if (')]'.includes(character)) {
      if (depth++ === 0) statement = `)${statement}`;
    } else if ('(['.includes(character)) {
      if (--depth < 0) return undefined;
    } else if (depth > 0) {
      continue;
    } else if (character === '{') {
      return code.charAt(at - 1) === '$' ? undefined : statement;
    } else if (';}'.includes(character)) {
      return statement;
    } else {
      statement = character + statement;
    }
  }
  return statement;
}

/** No trace of V8 is longer, unless far more frames are asked for than anyone reads. */
const MOST = 16_384;
/** The line that V8 prints above an error of a file that it cannot parse. */
const UNPARSED = /^(?:file:\/\/)?\/[^\n]*:\d+$/;

/**
 * The place in the user's own code that an error comes from, as `filter.mjs:3:7`: the first one outside of Node and of
 * installed packages. Nothing where it is unknown; never throws.
 */
export function placeOf(error: unknown): string | undefined {
  return quietly(() => {
    if (!(error instanceof Error)) return undefined;
    const { head, frames } = partsOf(error);
    const first = head.slice(0, head.indexOf('\n'));
    if (error instanceof SyntaxError && first.length < MOST && UNPARSED.test(first)) {
      return printable(basename(first));
    }
    for (const frame of frames) {
      const site = callSite(frame);
      if (site === undefined || isOwn(site) || site.file.includes('/node_modules/')) continue;
      return printable(`${basename(site.file)}:${site.line}:${site.column}`);
    }
    return undefined;
  });
}

/** The trace of an error for a terminal: its message in a line, and a line for each frame. Never throws. */
export function traceOf(error: unknown): string {
  const trace = quietly(() => {
    if (!(error instanceof Error)) return undefined;
    const { head, frames } = partsOf(error);
    return [head.slice(0, MOST), ...frames].map(printable).join('\n');
  });
  return trace ?? '';
}

/**
 * The text before the frames, and the frames. A message may look like frames: it is found as a whole, and where a trace
 * does not have it (since it was changed later) no line counts as a frame.
 */
function partsOf({ message, stack = '' }: Error): { head: string; frames: readonly string[] } {
  const at = stack.indexOf(message);
  if (at === -1) return { head: stack, frames: [] };
  const end = at + message.length;
  const lines = stack.slice(end, end + MOST).split('\n');
  return { head: stack.slice(0, end), frames: lines.filter((line) => line.startsWith(FRAME)) };
}
