/** The code of an operating system's error, such as `EADDRINUSE`; an empty string where there is none. */
export function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}
