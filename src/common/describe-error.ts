import { excerpt } from './printable.js';
import { errorFrom, isA, messageOf, quietly } from './text-of.js';

/** The code of an operating system's error, such as `EADDRINUSE`; an empty string where it has no code. */
export function errorCode(error: unknown): string {
  const code = quietly(() => (isA(error, Error) ? (error as { code?: unknown }).code : undefined));
  return typeof code === 'string' ? code : '';
}

const SYSTEM: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or directory',
  EACCES: 'this user may not do that',
  EPERM: 'this user may not do that',
  EISDIR: 'it is a directory',
  ENOTDIR: 'a part of its path is no directory',
  ENOSPC: 'there is no room left on the device',
  EROFS: 'it is on a file system that cannot be written to',
};

/** The reason why the operating system refused a file: a sentence without the name of the file. */
export function systemReason(error: unknown): string {
  const reason = SYSTEM[errorCode(error)];
  return reason === undefined ? messageOf(error) : `${reason}.`;
}

/** Errors whose message says all that there is to say. */
const SPOKEN = new Set([
  'AnswerError',
  'CommandError',
  'EndpointError',
  'ListenError',
  'MilterError',
  'NegotiationError',
  'ProjectError',
  'RecordingError',
  'StaleReplyError',
  'UnansweredError',
  'UngrantedError',
  'UsageError',
]);
const LONGEST = 1_000;

/** An error in a line, without its place in the program, and cut where it is very long. Never throws. */
export function describeError(thrown: unknown): string {
  const error = errorFrom(thrown);
  if (SPOKEN.has(error.name) || error !== thrown) return oneLine(error.message);
  const path = quietly(() => (error as { path?: unknown }).path);
  if (typeof path === 'string') return oneLine(`${excerpt(path)}: ${systemReason(error)}`);
  return oneLine(`${error.name}: ${error.message}`);
}

function oneLine(text: string): string {
  return excerpt(text.trim(), LONGEST);
}
