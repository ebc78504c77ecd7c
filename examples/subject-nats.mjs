// @ts-check
// npm install rxmilter rxjs @nats-io/transport-node
// NATS_URL=127.0.0.1:4222 npx rxmilter serve --listen inet:8891@127.0.0.1 subject-nats.mjs
// nats pub mail.closed '["sales@example.org"]'
import { connect } from '@nats-io/transport-node';
import { Observable } from 'rxjs';
import { on, parseAddress, reject } from 'rxmilter';

import { held } from './held-stream.mjs';

/** @typedef {{ string(): string, headers?: { readonly code: number } | undefined }} NatsMessage */

/**
 * What is needed of a connection to NATS.
 *
 * @typedef {object} Nats
 * @property {(subject: string, options: { callback: (error: Error | null, message: NatsMessage) => void }) => unknown} subscribe
 * @property {(subject: string, payload: string, options: { reply: string }) => void} publish
 * @property {() => Promise<void>} flush resolves when the server has all that was sent
 * @property {() => Promise<void | Error>} closed resolves when the connection has ended
 * @property {() => Promise<void>} close
 */

/**
 * Refuses mail to mailboxes that are closed for the time being.
 *
 * @param {Observable<ReadonlySet<string>>} closed
 */
export function refuseClosed(closed) {
  return on('rcpt', closed, ({ mailbox }, boxes) => boxes.has(mailbox) && reject('This mailbox is closed'));
}

/**
 * The newest value of a subject of NATS, and what holds while there is none, or no connection.
 *
 * @param {() => Promise<Nats>} open
 * @param {string} subject each message of it is a whole list, in JSON
 * @param {import('./held-stream.mjs').HeldOptions<ReadonlySet<string>>} [options]
 */
export function closedMailboxes(open, subject, options = {}) {
  const { report = console.error } = options;
  return held(natsLists(open, subject, report), { ...options, report });
}

const NO_RESPONDERS = 503;

/**
 * NATS remembers nothing, so `<subject>.now` is asked for what there is at present; who publishes has to answer it. The
 * reply comes on the subject itself: on another way an old value could overtake a new one.
 *
 * @param {() => Promise<Nats>} open
 * @param {string} subject
 * @param {(error: unknown) => void} report
 * @returns {Observable<ReadonlySet<string>>} errors when the connection is lost
 */
function natsLists(open, subject, report) {
  return new Observable((subscriber) => {
    /**
     * @param {Error | null} error
     * @param {NatsMessage} message
     */
    const take = (error, message) => {
      if (error !== null) return subscriber.error(error);
      if (message.headers?.code === NO_RESPONDERS)
        return subscriber.error(new Error(`nobody answers ${subject}.now`));
      try {
        subscriber.next(listIn(message.string()));
      } catch (problem) {
        report(problem); // what came before it stays
      }
    };
    const opened = open();
    opened
      .then(async (nats) => {
        if (subscriber.closed) return;
        nats.closed().then((error) => subscriber.error(error ?? new Error('the connection was closed')));
        nats.subscribe(subject, { callback: take });
        await nats.flush();
        nats.publish(`${subject}.now`, '', { reply: subject });
      })
      .catch((error) => subscriber.error(error));
    return () => void opened.then((nats) => nats.close()).catch(() => undefined); // it has told its error
  });
}

/** @param {string} json */
function listIn(json) {
  const list = /** @type {unknown} */ (JSON.parse(json));
  if (!Array.isArray(list) || !list.every((one) => typeof one === 'string'))
    throw new TypeError(`A list of addresses was to come, such as ["sales@example.org"], and not ${json}`);
  return new Set(list.map((address) => parseAddress(address).mailbox));
}

/**
 * A connection that does not come back by itself once it is lost: what it would miss meanwhile has to be asked for.
 *
 * @param {string} servers
 */
export function natsAt(servers) {
  return () => connect({ servers, reconnect: false, timeout: 2000, pingInterval: 10_000, maxPingOut: 2 });
}

/** The filter for `rxmilter serve`. */
export default () => {
  const nats = natsAt(process.env.NATS_URL ?? '127.0.0.1:4222');
  // An hour without NATS, and no mailbox is closed any more; nor is one before it has said so.
  return refuseClosed(closedMailboxes(nats, 'mail.closed', { away: { value: new Set(), after: 3_600_000 } }));
};
