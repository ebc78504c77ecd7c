import { addressKey } from '../common/address-key.js';
import { authenticatedUser } from '../session/session-info.js';
import type { EventAt, StageEvent } from '../session/flow.js';
import type { Stage } from '../session/stage.js';
import { networkOf, type NetworkSize } from './client-network.js';

/** Whose hits `rateLimit()` counts together, for the usual cases. */
export type RateKey = 'client' | 'user' | 'sender' | 'recipient' | 'subject';

/** The stages at which each can be counted; the first is the default. */
export const RATE_STAGES: Readonly<Record<RateKey, readonly Stage[]>> = {
  client: ['mail', 'connect', 'helo', 'rcpt', 'data', 'eoh', 'eom'],
  user: ['mail', 'rcpt', 'data', 'eoh', 'eom'],
  sender: ['mail', 'rcpt', 'data', 'eoh', 'eom'],
  recipient: ['rcpt'],
  subject: ['eoh', 'eom'],
};

/** What has to be remembered of a message, since the event that is counted does not tell it. */
export interface Remembered {
  sender?: string;
  subject?: string;
}

/** Whether the key is told by an event before the one that is counted. */
export function isRemembered(key: RateKey, stage: Stage): boolean {
  return key === 'subject' || (key === 'sender' && stage !== 'mail' && stage !== 'rcpt');
}

/** The key of an event; `undefined` where it has none, and is not counted. */
export function rateKeyOf(
  key: RateKey,
  event: StageEvent,
  network: NetworkSize,
  { sender, subject }: Remembered = {},
): string | undefined {
  switch (key) {
    case 'client':
      return networkOf(event.session.client, network);
    case 'user':
      return authenticatedUser(event.session)?.toLowerCase();
    case 'recipient':
      return event.stage === 'rcpt' ? addressKey(event.address) : undefined;
    case 'subject':
      return subject;
    case 'sender':
      return senderKey(
        event.stage === 'mail' ? event : event.stage === 'rcpt' ? event.mail : { address: sender },
      );
  }
}

/** The null sender is that of all bounces of the world, and nobody's. */
function senderKey({ address = '' }: { readonly address?: string | undefined }): string | undefined {
  const key = addressKey(address);
  return key === '' ? undefined : key;
}

/** A subject without what differs by the way of writing; `undefined` where nothing is left of it. */
export function subjectKey({ value }: Pick<EventAt<'header'>, 'value'>): string | undefined {
  const text = value.replace(/\s+/g, ' ').trim().toLowerCase();
  return text === '' ? undefined : text;
}
