import { readFileSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

import { printable } from './printable.js';

const NAME = 'rxmilter';

let directories: readonly string[] | undefined;

/** The directory of this package; empty where it was made a part of another file. Looked for when first asked for. */
export function packageRoot(): string {
  return rootSeenFrom(import.meta.url) ?? '';
}

/** The directory of the package that a file gets when it imports `rxmilter`; nothing where it would get none. */
export function rootSeenFrom(file: string): string | undefined {
  try {
    return realpathSync(dirname(createRequire(file).resolve(`${NAME}/package.json`)));
  } catch {
    return undefined;
  }
}

/** Whether a file is one of the package's own, built or not. */
export function ofPackage(file: string): boolean {
  directories ??= ['dist', 'src'].map((directory) => join(packageRoot(), directory) + sep);
  return directories.some((directory) => file.startsWith(directory));
}

/** A place in a program, counted from 1 as V8 counts. */
export interface CallSite {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** As many characters before a call decide whether it is a statement; the rest is not looked at. */
const LOOK_BACK = 500;

/** The directory of this library's own code, built or not. */
const OWN = dirname(fileURLToPath(import.meta.url)).replace(/(?<=src)[/\\]common$/, '');

/** Reads one line of a stack, such as `    at refuse (file:///etc/filter.mjs:3:9)`; nothing where it names no file. */
export function callSite(frame: string): CallSite | undefined {
  const [, path, line, column] = /(?:^\s*at |\()((?:file:\/\/)?\/[^()\n]*):(\d+):(\d+)\)?$/.exec(frame) ?? [];
  if (path === undefined) return undefined;
  const file = path.startsWith('file:') ? fileURLToPath(path) : path;
  return { file, line: Number(line), column: Number(column) };
}

/** Whether a place is in this library itself. */
export function isOwn({ file }: CallSite): boolean {
  return file.startsWith(`${OWN}/`);
}

/**
 * Says whether a call is a statement of its own, so that its result goes nowhere, by the source around it; nothing
 * where the file cannot be read or has no call there.
 */
export function isStatement({ file, line, column }: CallSite): boolean | undefined {
  let source: readonly string[];
  try {
    source = readFileSync(file, 'utf8').split('\n', line);
  } catch {
    return undefined;
  }
  const here = source[line - 1];
  if (here === undefined || !/^[\w$]+\s*(?:\?\.\s*)?[(`]/.test(here.slice(column - 1))) return undefined;
  const before = `${source.slice(Math.max(0, line - 12), -1).join('\n')}\n${here.slice(0, column - 1)}`;
  return endsStatement(before.slice(-LOOK_BACK));
}

/** Whether what comes behind this piece of a program is a statement, and not a part of one that uses its value. */
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
 * What there is of the last statement, with all that is in brackets left out; nothing where the end is within brackets,
 * so that the value is an argument or an element.
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

/** No trace of V8 is longer, unless somebody has asked for more frames than anybody reads. */
const MOST = 16_384;
const FRAME = '    at ';
/** What V8 prints above an error of a file that it cannot parse. */
const UNPARSED = /^(?:file:\/\/)?\/[^\n]*:\d+$/;
const LINE_AND_COLUMN = /^(\/.*):(\d+:\d+)$/;

/**
 * Where in the user's own code an error comes from, as `filter.mjs:3:7`; nothing where that cannot be said. Never throws.
 *
 * That is the first place outside of Node and of installed packages. A file that cannot even be parsed stands, without a
 * column, above what V8 prints of it.
 */
export function placeOf(error: unknown): string | undefined {
  try {
    if (!(error instanceof Error)) return undefined;
    const { head, frames } = partsOf(error);
    const first = head.slice(0, head.indexOf('\n'));
    const unparsed = error instanceof SyntaxError && first.length < MOST && UNPARSED.test(first);
    if (unparsed)
      return shown(first.slice(0, first.lastIndexOf(':')), first.slice(first.lastIndexOf(':') + 1));
    for (const frame of frames) {
      const place = ownPlace(frame);
      if (place !== undefined) return place;
    }
  } catch {
    // A getter or a proxy that somebody has thrown.
  }
  return undefined;
}

/** The trace of an error for a terminal: its message in a line, and a line for each frame. Never throws. */
export function traceOf(error: unknown): string {
  try {
    if (!(error instanceof Error)) return '';
    const { head, frames } = partsOf(error);
    return [head.slice(0, MOST), ...frames].map(printable).join('\n');
  } catch {
    return '';
  }
}

/**
 * What stands before the frames, and the frames. A message comes from anywhere and may look like frames: it is found as
 * a whole, and where a trace does not have the message of its error (which was changed later) no line counts as a frame.
 */
function partsOf({ message, stack = '' }: Error): { head: string; frames: readonly string[] } {
  const at = stack.indexOf(message);
  if (at === -1) return { head: stack, frames: [] };
  const end = at + message.length;
  const lines = stack.slice(end, end + MOST).split('\n');
  const frames = lines.filter((line) => line.startsWith(FRAME));
  return { head: stack.slice(0, end), frames };
}

/** The place of a frame, which ends in `file:///path:3:7`, `/path:3:7`, or one of them in parentheses. */
function ownPlace(frame: string): string | undefined {
  const line = frame.endsWith(')') ? frame.slice(0, -1) : frame;
  const url = line.indexOf('file:///');
  const named = line.indexOf('(/');
  const bare = line.startsWith('/', FRAME.length) ? FRAME.length : line.indexOf(' /') + 1;
  const begin = url !== -1 ? url + 'file://'.length : named !== -1 ? named + 1 : bare;
  const [, path, at] = LINE_AND_COLUMN.exec(line.slice(begin)) ?? [];
  if (path === undefined || at === undefined) return undefined;
  const file = url === -1 ? path : fileOf(path);
  if (file === undefined) return undefined;
  return ofPackage(file) || file.includes('/node_modules/') ? undefined : shown(file, at);
}

/** Nothing for a URL that names no file, such as one with an encoded slash. */
function fileOf(path: string): string | undefined {
  try {
    return fileURLToPath(`file://${path}`);
  } catch {
    return undefined;
  }
}

function shown(file: string, at: string): string {
  return printable(`${basename(file)}:${at}`);
}
