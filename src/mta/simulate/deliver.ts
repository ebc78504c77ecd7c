import { checkOptions, pickOptions } from '../../common/options.js';
import type { ClientMail } from './client-mail.js';
import type { Delivery } from './delivery.js';
import { CLIENT_MAIL_RULES, MAIL_RULES } from './mail-rules.js';
import type { Mail } from './mail.js';
import { MtaSession, type MtaSessionOptions } from './mta-session.js';
import { MTA_SESSION_RULES } from './option-rules.js';

export type { ClientMail } from './client-mail.js';

/**
 * Gives a milter a message as an MTA would, and says what the MTA would have done with it.
 *
 * A milter that is not there, breaks the protocol or is silent makes no rejection: `failure` says so, and the message
 * fares as `onFailure` has it. A milter that still says something after the session counts as one that breaks it.
 *
 * Aborting `signal` closes the connection at once, in whatever state it is, and the promise rejects with its reason.
 *
 * @throws EndpointError where `to` is no endpoint
 * @throws RangeError where a header does not fit into a frame
 * @throws TypeError where another option is wrong, or a part of the mail cannot be sent
 *
 * @example
 * const { outcome, headers } = await deliver(
 *   { sender: 'a@example.com', recipients: ['b@example.org'], headers: [['Subject', 'Hi']], body: 'Hello\n' },
 *   { to: 'inet:8891@127.0.0.1' },
 * );
 */
export async function deliver(mail: ClientMail, options: MtaSessionOptions): Promise<Delivery> {
  checkOptions('deliver()', mail, CLIENT_MAIL_RULES, 'field');
  checkOptions('deliver()', options, MTA_SESSION_RULES);
  const { client, helo, tls, auth } = mail;
  const session = await MtaSession.open({
    ...options,
    ...(client === undefined ? {} : { client }),
    ...(helo === undefined ? {} : { helo }),
    ...(tls === undefined ? {} : { tls }),
    ...(auth === undefined ? {} : { auth }),
  });
  const delivery = await session.send(pickOptions<Mail>(mail, MAIL_RULES));
  await session.close();
  options.signal?.throwIfAborted();
  return { ...delivery, transcript: session.transcript, failure: session.failure };
}
