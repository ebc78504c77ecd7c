import { TAKEN, TAKEN_BY_SENDMAIL, type Conversation } from './conversation.js';
import type { MtaBench } from './mta-bench.js';
import { refusedByPostfix, type AskedStage } from './refused-by-postfix.js';
import { refusedBySendmail, toldBySendmail } from './refused-by-sendmail.js';

/** What a client is told, which each MTA says in its own words. */
interface Words {
  /** The conversation of a message that is taken. */
  readonly taken: Conversation;
  /** The conversation with a filter that refuses at that stage, with a reply of its own or without one. */
  readonly refused: (stage: AskedStage, permanent: boolean, reply?: string) => Conversation;
  /** A reply of a filter to a command that names that address. */
  readonly reply: (reply: string, address?: string) => string;
  /** The refusals without a reply of the filter: of a command, and of the content of a message. */
  readonly rejected: { readonly command: (address?: string) => string; readonly content: string };
  readonly tempfailed: string;
  /** What mail gets for good where the filter fails: at the connection, and in the content of a message. */
  readonly broken: { readonly session: string; readonly content: string };
  /** Finds the queue id in the answer to the final dot. */
  readonly queueId: RegExp;
}

const POSTFIX_REJECTED = '550 5.7.1 Command rejected';
const POSTFIX_TEMPFAILED = '451 4.7.1 Service unavailable - try again later';
const SENDMAIL_TEMPFAILED = '451 4.3.2 Please try again later';

/** The words of Postfix 3.7 and of Sendmail 8.17. */
export const TOLD_BY: Readonly<Record<MtaBench['mta'], Words>> = {
  postfix: {
    taken: TAKEN,
    refused: (stage, permanent, reply = permanent ? POSTFIX_REJECTED : POSTFIX_TEMPFAILED) =>
      refusedByPostfix(stage, reply),
    reply: (reply) => reply,
    rejected: { command: () => POSTFIX_REJECTED, content: POSTFIX_REJECTED },
    tempfailed: POSTFIX_TEMPFAILED,
    broken: { session: '550 5.5.0 Service unavailable', content: '550 5.5.0 Service unavailable' },
    queueId: /^250 2\.0\.0 Ok: queued as (\w+)$/,
  },
  sendmail: {
    taken: TAKEN_BY_SENDMAIL,
    refused: refusedBySendmail,
    reply: toldBySendmail,
    rejected: {
      command: (address) => toldBySendmail('550 5.7.1 Command rejected', address),
      content: '554 5.7.1 Command rejected',
    },
    tempfailed: SENDMAIL_TEMPFAILED,
    broken: { session: '550 5.0.0 Command rejected', content: '554 5.7.1 Command rejected' },
    queueId: /^250 2\.0\.0 (\w+) Message accepted for delivery$/,
  },
};
