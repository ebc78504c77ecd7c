import { Observable, type ObservableInput } from 'rxjs';

import { checkOptions, checkSpelling, pickOptions } from '../../common/options.js';
import type { Delivery } from './delivery.js';
import { drawMapped } from './draw-mapped.js';
import { MAIL_RULES } from './mail-rules.js';
import type { Mail } from './mail.js';
import { MtaSession, type MtaSessionOptions } from './mta-session.js';
import { MTA_SESSION_RULES } from './option-rules.js';

/**
 * Delivers mails one after the other in one SMTP session, over one connection to the milter, and emits what becomes of
 * each; then ends the session.
 *
 * Mails are taken and errors come as in `deliveries()`. A client that has been told to go (421) sends nothing more: the
 * rest of the mails get that reply. Unsubscribing, or aborting `signal`, closes the connection at once.
 *
 * @example
 * const [first, second] = await lastValueFrom(sessionDeliveries([mail, mail], { to: filter }).pipe(toArray()));
 */
export function sessionDeliveries<M extends Mail>(
  mails: ObservableInput<M>,
  options: MtaSessionOptions,
): Observable<Delivery & { readonly mail: M }> {
  checkOptions('sessionDeliveries()', options, MTA_SESSION_RULES);
  return new Observable((subscriber) => {
    const stop = new AbortController();
    const signal =
      options.signal === undefined ? stop.signal : AbortSignal.any([stop.signal, options.signal]);
    const opened = MtaSession.open({ ...options, signal });
    opened.catch((error: unknown) => subscriber.error(error));
    const sent = drawMapped(mails, 1, async (mail) => {
      checkSpelling('sessionDeliveries()', mail, MAIL_RULES, 'field');
      const known = pickOptions<Mail>(mail, MAIL_RULES);
      return { ...(await (await opened).send(known)), mail };
    });
    const subscription = sent.subscribe({
      next: (delivery) => subscriber.next(delivery),
      error: (error: unknown) => subscriber.error(error),
      complete: () => {
        opened
          .then((session) => session.close())
          .then(
            () => subscriber.complete(),
            (error: unknown) => subscriber.error(error),
          );
      },
    });
    return () => {
      subscription.unsubscribe();
      stop.abort();
    };
  });
}
