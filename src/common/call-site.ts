import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

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
