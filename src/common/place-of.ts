import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';

import { ofPackage } from './package-root.js';
import { printable } from './printable.js';

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
