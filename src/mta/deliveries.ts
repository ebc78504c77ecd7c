import { Observable, type ObservableInput } from 'rxjs';

import type { ClientMail } from './client-mail.js';
import { deliver } from './deliver.js';
import type { Delivery } from './delivery.js';
import { drawMapped } from './draw-mapped.js';
import type { MtaSessionOptions } from './mta-session.js';

/** How many mails are delivered; `concurrency` is for `deliveries()`. */
export interface DeliveriesOptions extends MtaSessionOptions {
  /** How many are under way at a time, each over a connection of its own. 10. */
  readonly concurrency?: number;
}

/**
 * Delivers many mails, as `deliver()` does each, and emits what becomes of them in the order in which they are done.
 *
 * Mails are taken from an iterable, or an async one, when there is room for them, so that it may be endless; an
 * Observable is subscribed to once, and its mails wait. A milter that fails makes no error: `failure` of that delivery
 * says so. What `deliver()` throws, and what goes wrong with the source, ends it all with that error.
 *
 * Nothing happens before it is subscribed to. Unsubscribing, or aborting `signal`, closes all connections at once.
 *
 * @throws RangeError where `concurrency` is no whole number from 1
 *
 * @example
 * deliveries(mails, { to: 'inet:8891@127.0.0.1', concurrency: 4 }).subscribe(({ mail, outcome }) =>
 *   console.log(mail.sender, outcome),
 * );
 */
export function deliveries<M extends ClientMail>(
  mails: ObservableInput<M>,
  options: DeliveriesOptions,
): Observable<Delivery & { readonly mail: M }> {
  const { concurrency = 10 } = options;
  if (!Number.isInteger(concurrency) || concurrency < 1) {
    throw new RangeError(`concurrency: ${String(concurrency)} is none. Use a whole number from 1.`);
  }
  return drawMapped(mails, concurrency, async (mail, signal) => {
    const signals = options.signal === undefined ? signal : AbortSignal.any([signal, options.signal]);
    return { ...(await deliver(mail, { ...options, signal: signals })), mail };
  });
}
