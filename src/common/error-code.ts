import { isA, messageOf } from './text-of.js';

/** The code of an operating system's error, such as `EADDRINUSE`; an empty string where there is none. */
export function errorCode(error: unknown): string {
  try {
    return isA(error, Error) && 'code' in error && typeof error.code === 'string' ? error.code : '';
  } catch {
    return '';
  }
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

/** Why the operating system would not do something with a file: a sentence without the name of the file. */
export function systemReason(error: unknown): string {
  const reason = SYSTEM[errorCode(error)];
  if (reason !== undefined) return `${reason}.`;
  return messageOf(error);
}
