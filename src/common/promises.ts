import { types } from 'node:util';

/** Whether it is a promise, or can be waited for like one. A value whose `then` cannot be read is not; never throws. */
export function isPromise(value: unknown): value is PromiseLike<unknown> {
  try {
    return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
  } catch {
    return false;
  }
}

/**
 * Calls `failed` where the value is a promise that rejects: an async function is a function that returns nothing, too,
 * and a rejection that no code takes ends the process. Throws nothing unless `failed` does.
 */
export function onRejection(value: unknown, failed: (reason: unknown) => void): void {
  if (!isPromise(value)) return;
  try {
    value.then(undefined, failed);
  } catch (error) {
    failed(error);
  }
}

/**
 * Lets a value be that is of no interest any more: where it is a promise that rejects, be it with another such promise,
 * that must not end the process.
 */
export function ignoreRejection(value: unknown): void {
  try {
    // The engine looks at the promise itself, whatever its property `then` says.
    if (types.isPromise(value)) void Promise.prototype.then.call(value, undefined, ignoreRejection);
    else onRejection(value, ignoreRejection);
  } catch {
    // A getter of the promise's own.
  }
}
