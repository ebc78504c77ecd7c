import { inspect, types } from 'node:util';

const UNREADABLE = 'a value that cannot be shown as text';

/** Makes text of any value that code may throw, reject or return; never throws. */
export function textOf(value: unknown): string {
  try {
    if (typeof value === 'string') return value;
    // Without the functions of the value itself: they may throw, and a proxy's traps with them.
    if (typeof value !== 'object' || value === null) return String(value);
    return inspect(value, { customInspect: false, depth: 1, breakLength: Infinity, maxStringLength: 1_000 });
  } catch {
    return UNREADABLE;
  }
}

/** The message of an error, and the text of any other value; never throws. */
export function messageOf(error: unknown): string {
  try {
    if (error instanceof Error && typeof (error.message as unknown) === 'string') return error.message;
  } catch {
    // A getter or a proxy of the value's own.
  }
  return textOf(error);
}

/**
 * The value itself where it is an error whose name, message and stack are text; else an error with the value as its
 * `cause`. Never throws, and what reads the result may do so without care.
 */
export function errorFrom(value: unknown): Error {
  try {
    if (!types.isProxy(value) && value instanceof Error) {
      const { name, message, stack } = value as { name: unknown; message: unknown; stack?: unknown };
      const readable = typeof name === 'string' && typeof message === 'string';
      if (readable && (stack === undefined || typeof stack === 'string')) return value;
    }
  } catch {
    // As above.
  }
  return new Error(messageOf(value), { cause: value });
}
