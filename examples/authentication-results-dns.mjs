// @ts-check
// Asks DNS, with an end; a part of authentication-results.mjs.
import { Resolver } from 'node:dns/promises';

/** @typedef {(name: string, type: string) => Promise<any>} LookUp */
/** @typedef {(signal: AbortSignal) => LookUp} MakeResolver makes what asks DNS, until the signal is aborted */

/** @type {MakeResolver} */
export function systemResolver(signal) {
  // One for each message, since cancel() gives up all that it was asked.
  const dns = new Resolver({ timeout: 2000, tries: 2 });
  signal.addEventListener('abort', () => dns.cancel());
  return (name, type) => dns.resolve(name, type);
}

/**
 * Does something that needs DNS. When its time is up, or nobody waits for it any more, all questions fail. Whether one
 * has got no answer is in `unanswered`: that there is no such name is an answer.
 *
 * @template {object} T
 * @param {object} options
 * @param {MakeResolver} options.resolver
 * @param {number} options.patience in milliseconds
 * @param {AbortSignal} options.signal
 * @param {(lookUp: LookUp) => Promise<T>} work
 * @returns {Promise<T & { unanswered: boolean }>}
 */
export async function withDns({ resolver, patience, signal }, work) {
  // Not AbortSignal.any() with AbortSignal.timeout(): in Node 20 that may never come, after a garbage collection.
  const end = new AbortController();
  const stop = () => end.abort();
  const timer = setTimeout(stop, patience);
  signal.addEventListener('abort', stop);
  const ask = resolver(end.signal);
  let unanswered = false;
  /** @type {LookUp} */
  const lookUp = async (name, type) => {
    try {
      end.signal.throwIfAborted();
      return await ask(name, type);
    } catch (error) {
      const { code = undefined } = /** @type {{ code?: unknown }} */ (error);
      unanswered ||= code !== 'ENOTFOUND' && code !== 'ENODATA';
      throw error;
    }
  };
  try {
    const done = await work(lookUp);
    return { ...done, unanswered };
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', stop);
  }
}
