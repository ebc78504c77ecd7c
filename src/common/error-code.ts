import { isA } from './text-of.js';

/** The code of an operating system's error, such as `EADDRINUSE`; an empty string where there is none. */
export function errorCode(error: unknown): string {
  try {
    return isA(error, Error) && 'code' in error && typeof error.code === 'string' ? error.code : '';
  } catch {
    return '';
  }
}
