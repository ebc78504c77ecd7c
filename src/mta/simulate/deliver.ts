import { Observable, type ObservableInput, concat, defer, from, ignoreElements, merge, mergeMap } from 'rxjs';

import {
  type Rules,
  checkOptions,
  checkSpelling,
  pickOptions,
  whole,
  withDefaults,
} from '../../common/options.js';
import type { Delivery } from './delivery.js';
import {
  CLIENT_MAIL_RULES,
  CLIENT_RULES,
  type ClientMail,
  type ClientOptions,
  MAIL_RULES,
  type Mail,
} from './mail.js';
import { MTA_SESSION_RULES, MtaSession, type MtaSessionOptions } from './mta-session.js';

/**
 * Gives a milter a message as an MTA would, and says what the MTA would have done with it.
 *
 * @remarks
 * A milter that fails makes no rejection: `failure` says so, and `onFailure` decides the message. Aborting `signal` closes
 * the connection at once, and rejects with its reason.
 *
 * @throws EndpointError, TypeError or RangeError where an option is wrong, or a part of the mail cannot be sent
 *
 * @example
 * const mail = { sender: 'a@example.com', recipients: ['b@example.org'], headers: [['Subject', 'Hi']], body: 'Hi\n' };
 * const { outcome, headers } = await deliver(mail, { to: 'inet:8891@127.0.0.1' });
 */
export async function deliver(mail: ClientMail, options: MtaSessionOptions): Promise<Delivery> {
  checkOptions('deliver()', mail, CLIENT_MAIL_RULES, 'field');
  checkOptions('deliver()', options, MTA_SESSION_RULES);
  const client = withDefaults(pickOptions<ClientOptions>(options, CLIENT_RULES), mail);
  const session = await MtaSession.open({ ...options, ...client });
  const delivery = await session.send(pickOptions<Mail>(mail, MAIL_RULES));
  await session.close();
  options.signal?.throwIfAborted();
  return { ...delivery, transcript: session.transcript, failure: session.failure };
}

/** How many mails are delivered; `concurrency` is for `deliveries()`. */
export interface DeliveriesOptions extends MtaSessionOptions {
  /** How many are under way at a time, each over a connection of its own. 10. */
  readonly concurrency?: number;
}

const DELIVERIES_RULES: Rules<DeliveriesOptions> = { ...MTA_SESSION_RULES, concurrency: whole(1) };

/**
 * Delivers many mails, several at a time, and emits each delivery when it is done.
 *
 * @remarks
 * An iterable may be endless: it is asked for the next mail when there is room. An error of `deliver()` or of the source
 * ends it all; unsubscribing, or aborting `signal`, closes all connections. A mail may have fields of its own.
 *
 * @throws TypeError or RangeError where an option is wrong
 *
 * @example deliveries(mails, { to: filter, concurrency: 4 }).subscribe(({ mail, outcome }) => log(mail, outcome));
 */
export function deliveries<M extends ClientMail>(
  mails: ObservableInput<M>,
  options: DeliveriesOptions,
): Observable<Delivery & { readonly mail: M }> {
  checkOptions('deliveries()', options, DELIVERIES_RULES);
  const { concurrency = 10 } = options;
  return mapConcurrently(mails, concurrency, async (mail, signal) => {
    checkSpelling('deliveries()', mail, CLIENT_MAIL_RULES, 'field');
    const known = pickOptions<ClientMail>(mail, CLIENT_MAIL_RULES);
    const each = pickOptions<MtaSessionOptions>(options, MTA_SESSION_RULES);
    return { ...(await deliver(known, { ...each, signal: either(signal, options.signal) })), mail };
  });
}

/**
 * Delivers mails one after the other in one SMTP session, and emits each delivery.
 *
 * @remarks
 * As `deliveries()`, but over one connection to the milter. After a 421 the rest of the mails get that reply.
 *
 * @throws TypeError or RangeError where an option is wrong
 *
 * @example const [one, two] = await lastValueFrom(sessionDeliveries(mails, { to: filter }).pipe(toArray()));
 */
export function sessionDeliveries<M extends Mail>(
  mails: ObservableInput<M>,
  options: MtaSessionOptions,
): Observable<Delivery & { readonly mail: M }> {
  checkOptions('sessionDeliveries()', options, MTA_SESSION_RULES);
  return new Observable((subscriber) => {
    const stop = new AbortController();
    const opened = MtaSession.open({ ...options, signal: either(stop.signal, options.signal) });
    opened.catch((error: unknown) => subscriber.error(error));
    const sent = mapConcurrently(mails, 1, async (mail) => {
      checkSpelling('sessionDeliveries()', mail, MAIL_RULES, 'field');
      const known = pickOptions<Mail>(mail, MAIL_RULES);
      return { ...(await (await opened).send(known)), mail };
    });
    const closed = defer(async () => (await opened).close()).pipe(ignoreElements());
    const subscription = concat(sent, closed).subscribe(subscriber);
    return () => {
      subscription.unsubscribe();
      stop.abort();
    };
  });
}

function either(one: AbortSignal, other: AbortSignal | undefined): AbortSignal {
  return other === undefined ? one : AbortSignal.any([one, other]);
}

/**
 * Maps values to promises, so many at a time. Unlike `mergeMap` it takes no more from an iterable than it has room for,
 * and ends the iterable when it is done.
 *
 * @param map gets a signal that is aborted when its result is not wanted any more
 */
function mapConcurrently<T, R>(
  values: ObservableInput<T>,
  concurrency: number,
  map: (value: T, signal: AbortSignal) => Promise<R>,
): Observable<R> {
  return new Observable((subscriber) => {
    const stop = new AbortController();
    const { signal } = stop;
    const iterator = iteratorOf(values);
    const take = async (value: T): Promise<void> => subscriber.next(await map(value, signal));
    const work = async (): Promise<void> => {
      while (iterator !== undefined && !signal.aborted) {
        const drawn = await iterator.next();
        // The iterable may have ended, or the subscription, while this waited.
        if (drawn.done === true || stop.signal.aborted) return;
        await take(drawn.value);
      }
    };
    const all =
      iterator === undefined
        ? from(values).pipe(mergeMap(take, concurrency))
        : merge(...Array.from({ length: concurrency }, work));
    const subscription = all.subscribe({
      error: (error: unknown) => subscriber.error(error),
      complete: () => subscriber.complete(),
    });
    return () => {
      stop.abort();
      subscription.unsubscribe();
      // A generator that is busy ends as soon as it can; an error of its end comes too late to be reported.
      Promise.resolve(iterator?.return?.()).catch(() => undefined);
    };
  });
}

function iteratorOf<T>(values: ObservableInput<T>): AsyncIterator<T> | Iterator<T> | undefined {
  if (Symbol.asyncIterator in values) return values[Symbol.asyncIterator]();
  // An RxJS Observable has neither; a string would be an iterable, but not of mails.
  return Symbol.iterator in values ? values[Symbol.iterator]() : undefined;
}
