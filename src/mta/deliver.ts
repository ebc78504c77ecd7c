import type { ConnectFields } from '../transport/layouts/connect.js';
import type { Delivery } from './delivery.js';
import type { Mail } from './mail.js';
import { MtaSession, type MtaSessionOptions } from './mta-session.js';

/** A message, its envelope, and the client that it comes from. */
export interface ClientMail extends Mail {
  readonly client?: Partial<ConnectFields>;
  /** What the client says in EHLO; its host name by default. */
  readonly helo?: string;
}

/**
 * Gives a milter a message as an MTA would, and says what the MTA would have done with it.
 *
 * A milter that is not there, breaks the protocol or is silent makes no rejection: `failure` says so, and the message
 * fares as `onFailure` has it. A milter that still says something after the session counts as one that breaks it.
 *
 * @throws EndpointError where `to` is no endpoint
 * @throws RangeError where a header does not fit into a frame
 *
 * @example
 * const { outcome, headers } = await deliver(
 *   { sender: 'a@example.com', recipients: ['b@example.org'], headers: [['Subject', 'Hi']], body: 'Hello\n' },
 *   { to: 'inet:8891@127.0.0.1' },
 * );
 */
export async function deliver(mail: ClientMail, options: MtaSessionOptions): Promise<Delivery> {
  const { client, helo } = mail;
  const session = await MtaSession.open({
    ...options,
    ...(client === undefined ? {} : { client }),
    ...(helo === undefined ? {} : { helo }),
  });
  const delivery = await session.send(mail);
  await session.close();
  return { ...delivery, transcript: session.transcript, failure: session.failure };
}
