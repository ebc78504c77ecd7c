import { inspect, types } from 'node:util';

import { ignoreRejection } from './promises.js';

const UNREADABLE = 'a value that cannot be shown as text';

/** Of a list in a value so many members are shown, and of a string in it so many characters. */
const SHOWN = {
  customInspect: false,
  depth: 1,
  breakLength: Infinity,
  maxArrayLength: 20,
  maxStringLength: 1_000,
};

/** What a function returns; nothing where it throws, as getters and proxies may. */
export function quietly<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

/** Makes text of any value that code may throw, reject or return; never throws. */
export function textOf(value: unknown): string {
  try {
    if (typeof value === 'string') return value;
    if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return String(value);
    // Without the functions of the value itself, or a proxy's traps: they may throw.
    return inspect(value, SHOWN);
  } catch {
    return UNREADABLE;
  }
}

/**
 * The message of an error, and the text of any other value; never throws. An error without a message, such as Node's for
 * a host whose addresses do not answer, is described by the errors in it, or by its name. A promise, as `throw fetch(…)`
 * throws it, may reject without an end of the process.
 */
export function messageOf(error: unknown): string {
  ignoreRejection(error);
  const message: unknown = quietly(() => {
    // An error of another realm, as code in `node:vm` throws it, is only native.
    if (!isA(error, Error) && !types.isNativeError(error)) return undefined;
    const { message: text } = error as { message: unknown };
    return text === '' ? nameOf(error) : text;
  });
  return typeof message === 'string' ? message : textOf(error);
}

/**
 * The value itself where it is an error whose name, message and stack are text; else an error with the value as its
 * `cause`. Never throws.
 */
export function errorFrom(value: unknown): Error {
  const readable = quietly(() => {
    if (!isA(value, Error)) return undefined;
    const { name, message, stack = '' } = value;
    return [name, message, stack].every((part: unknown) => typeof part === 'string') ? value : undefined;
  });
  return readable ?? new Error(messageOf(value), { cause: value });
}

/** Whether a value is an instance of the class; never throws. A proxy is not: reading it may throw. */
export function isA<T>(value: unknown, type: abstract new (...args: never[]) => T): value is T {
  return typeof value === 'object' && value !== null && !types.isProxy(value) && value instanceof type;
}

function nameOf(error: object): string {
  const { name, errors } = error as { name?: unknown; errors?: unknown };
  if (Array.isArray(errors) && errors.length > 0) return errors.slice(0, 3).map(textOfOne).join('; ');
  return typeof name === 'string' && name !== '' ? name : textOf(error);
}

/** An error within another may be that one itself, and is looked into no further. */
function textOfOne(error: unknown): string {
  const message: unknown = isA(error, Error) ? error.message : undefined;
  return typeof message === 'string' && message !== '' ? message : textOf(error);
}

/** The cause of an error; nothing for other values, and where it has no cause. Never throws. */
export function causeOf(error: unknown): unknown {
  return quietly(() => (isA(error, Error) ? error.cause : undefined));
}
