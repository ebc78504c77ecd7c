import { errorCode } from '../transport/error-code.js';
import { CommandError } from './command-error.js';

/** Errors whose message says all that there is to say. */
const SPOKEN = new Set([
  'AnswerError',
  'EndpointError',
  'ListenError',
  'MilterError',
  'ProjectError',
  'RecordingError',
  'UsageError',
]);

const SYSTEM: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or directory',
  EACCES: 'this user may not do that',
  EPERM: 'this user may not do that',
  EISDIR: 'it is a directory',
  ENOTDIR: 'a part of its path is no directory',
  ENOSPC: 'there is no room left on the device',
  EROFS: 'it is on a file system that cannot be written to',
};

/** What went wrong in a line, without where in the program that was. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return oneLine(String(error));
  if (error instanceof CommandError || SPOKEN.has(error.name)) return oneLine(error.message);
  const reason = SYSTEM[errorCode(error)];
  if (reason !== undefined && 'path' in error) return oneLine(`${String(error.path)}: ${reason}.`);
  return oneLine(`${error.name}: ${error.message}`);
}

function oneLine(text: string): string {
  return text.replace(/\s*\n\s*/g, ' ').trim();
}
