import { ignoreRejection } from '../common/promises.js';
import { textOf } from '../common/text-of.js';
import type { EventAt, MilterEvent } from '../session/flow.js';
import type { Stage } from '../session/stage.js';
import { clientNetwork, type NetworkSize } from './client-network.js';

/** A subject of `rateLimit()` for the usual cases. */
export type RateKey = 'client' | 'user' | 'sender' | 'recipient' | 'subject';

interface RateSubject {
  /** The stages at which it can be counted; the first is the default. */
  readonly stages: readonly Stage[];
  /** The stages whose events contain it; default: all of `stages`. At others the first of the message counts. */
  readonly within?: readonly ['mail' | 'header', ...Stage[]];
  /** The key of an event that contains it; `undefined` for an event that is not counted. */
  key(event: MilterEvent, network: NetworkSize): string | undefined;
}

/** The subjects that `rateLimit()` knows. */
export const RATE_SUBJECTS: Readonly<Record<RateKey, RateSubject>> = {
  client: {
    stages: ['mail', 'connect', 'helo', 'rcpt', 'data', 'eoh', 'eom'],
    key: (event, network) => clientNetwork(event.session.client, network),
  },
  user: {
    stages: ['mail', 'rcpt', 'data', 'eoh', 'eom'],
    key: ({ session }) => session.auth?.user.toLowerCase(),
  },
  sender: {
    stages: ['mail', 'rcpt', 'data', 'eoh', 'eom'],
    within: ['mail', 'rcpt'],
    key: (event) => {
      const { mailbox = '' } = event.stage === 'rcpt' ? event.mail : event.stage === 'mail' ? event : {};
      // The null sender is that of all bounces, of any server.
      return mailbox || undefined;
    },
  },
  recipient: {
    stages: ['rcpt'],
    key: (event) => (event.stage === 'rcpt' ? event.mailbox : undefined),
  },
  subject: {
    stages: ['eoh', 'eom'],
    within: ['header'],
    key: (event) =>
      event.stage === 'header' && event.name.toLowerCase() === 'subject' ? subjectKey(event) : undefined,
  },
};

/** A subject in lower case and with single blanks; `undefined` where nothing is left of it. */
export function subjectKey({ value }: Pick<EventAt<'header'>, 'value'>): string | undefined {
  return value.replace(/\s+/g, ' ').trim().toLowerCase() || undefined;
}

/** Takes what a function of the user's gave as a key. */
export function checkKey(where: string, key: unknown): string | undefined {
  if (key === undefined || typeof key === 'string') return key;
  ignoreRejection(key);
  throw new TypeError(`${where}: key gave ${textOf(key)}. Give a string, or undefined.`);
}
