import { Observable, type ObservableInput } from 'rxjs';

import { checkOptions, checkSpelling, pickOptions } from '../../common/options.js';
import type { ClientMail } from './client-mail.js';
import { deliver } from './deliver.js';
import type { Delivery } from './delivery.js';
import { drawMapped } from './draw-mapped.js';
import { CLIENT_MAIL_RULES } from './mail-rules.js';
import type { MtaSessionOptions } from './mta-session.js';
import { DELIVERIES_RULES, MTA_SESSION_RULES } from './option-rules.js';

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
 * A mail may have fields of its own beside those that count; one that is nearly called like one of these is an error.
 *
 * @throws TypeError or RangeError where an option is wrong
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
  checkOptions('deliveries()', options, DELIVERIES_RULES);
  const { concurrency = 10 } = options;
  return drawMapped(mails, concurrency, async (mail, signal) => {
    checkSpelling('deliveries()', mail, CLIENT_MAIL_RULES, 'field');
    const known = pickOptions<ClientMail>(mail, CLIENT_MAIL_RULES);
    const signals = options.signal === undefined ? signal : AbortSignal.any([signal, options.signal]);
    return {
      ...(await deliver(known, {
        ...pickOptions<MtaSessionOptions>(options, MTA_SESSION_RULES),
        signal: signals,
      })),
      mail,
    };
  });
}
