import { types } from 'node:util';

/** Whether it is a promise, or can be waited for like one; never throws. */
export function isPromise(value: unknown): value is PromiseLike<unknown> {
  try {
    return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
  } catch {
    return false;
  }
}

/** Calls `failed` where the value is a promise that rejects: a rejection that no code takes ends the process. */
export function onRejection(value: unknown, failed: (reason: unknown) => void): void {
  if (!isPromise(value)) return;
  try {
    value.then(undefined, failed);
  } catch (error) {
    failed(error);
  }
}

/** Lets a promise reject, be it with another such promise, without an end of the process; never throws. */
export function ignoreRejection(value: unknown): void {
  try {
    // The engine takes the promise itself, whatever its property `then` says.
    if (types.isPromise(value)) void Promise.prototype.then.call(value, undefined, ignoreRejection);
    else onRejection(value, ignoreRejection);
  } catch {
    // A getter of the promise's own.
  }
}
