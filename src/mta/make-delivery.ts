import type { SmtpReply } from '../session/smtp-reply.js';
import type { Delivery, DeliveryOutcome, DeliveryStep } from './delivery.js';
import { applyModifications, type Draft } from './draft.js';
import type { GuardedMilter } from './guarded-milter.js';
import type { WireModification } from './modification-list.js';

/** What is known of a message when its transaction is over. */
export interface TransactionResult {
  readonly milter: GuardedMilter;
  readonly draft: Draft;
  readonly steps: readonly DeliveryStep[];
  /** What the client was told last. */
  readonly reply: SmtpReply;
  readonly modifications: readonly WireModification[];
  readonly discarded: boolean;
  readonly accepted: readonly string[];
  readonly refused: readonly string[];
}

/** Does to the message what the milter wanted, unless nobody gets it, and says what became of it. */
export function makeDelivery(result: TransactionResult): Omit<Delivery, 'transcript'> {
  const { milter, draft, steps, reply, modifications, accepted, refused } = result;
  const outcome = settle(result);
  return {
    outcome,
    reply,
    steps,
    accepted,
    refused,
    sender: draft.sender,
    recipients: draft.recipients,
    headers: draft.headers.list(),
    body: draft.body,
    message: Buffer.concat([draft.headers.toBytes(), Buffer.from('\r\n'), draft.body]),
    quarantined: draft.quarantined,
    modifications,
    agreement: milter.connection?.agreement,
    failure: milter.failure,
  };
}

function settle({ milter, draft, reply, modifications, discarded }: TransactionResult): DeliveryOutcome {
  if (reply.code >= 400) return reply.code >= 500 ? 'refused' : 'deferred';
  if (discarded) return 'discarded';
  applyModifications(draft, modifications);
  if (milter.holds) draft.quarantined ??= 'the milter failed';
  return draft.quarantined === undefined ? 'delivered' : 'quarantined';
}
