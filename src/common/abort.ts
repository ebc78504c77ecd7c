import { onRejection } from './promises.js';

type Failed = (reason: unknown) => void;
type Method = (this: AbortSignal, ...given: unknown[]) => void;
type Handler = ((event: Event) => unknown) | { handleEvent(event: Event): unknown };

const FAILED = new WeakMap<AbortSignal, Failed>();
/** The same function for the same listener, so that it can be removed again. */
const WRAPPED = new WeakMap<Handler, (this: AbortSignal, event: Event) => void>();
const ON_ABORT = new WeakMap<AbortSignal, unknown>();

/**
 * An `AbortController` for code of others. The error of a listener of its signal that throws, or returns a promise that
 * rejects, goes to `failed`, which must not throw: Node would end the process. Listeners of a signal that is made of this
 * one (`AbortSignal.any()`) are not covered.
 */
export function abortController(failed: Failed): AbortController {
  const controller = new AbortController();
  const { signal } = controller;
  FAILED.set(signal, failed);
  // It stays an AbortSignal, with all that Node keeps in one.
  Object.setPrototypeOf(signal, GUARDED);
  return controller;
}

const usual = AbortSignal.prototype as unknown as Record<'addEventListener' | 'removeEventListener', Method>;
const usualOnAbort = Object.getOwnPropertyDescriptor(usual, 'onabort');

/** A method that takes a listener, with the wrapped one in its place. */
function wrapping(method: Method): PropertyDescriptor {
  return {
    value(this: AbortSignal, type: string, listener: unknown, ...options: unknown[]): void {
      method.call(this, type, wrapped(listener), ...options);
    },
  };
}

const GUARDED: object = Object.create(usual, {
  addEventListener: wrapping(usual.addEventListener),
  removeEventListener: wrapping(usual.removeEventListener),
  onabort: {
    get(this: AbortSignal): unknown {
      return ON_ABORT.get(this) ?? null;
    },
    set(this: AbortSignal, listener: unknown): void {
      ON_ABORT.set(this, listener);
      usualOnAbort?.set?.call(this, typeof listener === 'function' ? wrapped(listener) : null);
    },
  },
}) as object;

/** The listener, called so that it cannot harm; anything else as it is, for Node to complain of. */
function wrapped(listener: unknown): unknown {
  if (typeof listener !== 'function' && (typeof listener !== 'object' || listener === null)) return listener;
  const handler = listener as Handler;
  const known = WRAPPED.get(handler);
  if (known !== undefined) return known;
  const guarded = function (this: AbortSignal, event: Event): void {
    const failed = FAILED.get(this) ?? (() => undefined);
    try {
      onRejection(
        typeof handler === 'function' ? handler.call(this, event) : handler.handleEvent(event),
        failed,
      );
    } catch (reason) {
      failed(reason);
    }
  };
  WRAPPED.set(handler, guarded);
  return guarded;
}
