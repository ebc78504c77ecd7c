import type { SmtpReply } from '../../session/smtp-reply.js';
import type { WireModification } from '../client/modification-list.js';
import type { Delivery, DeliveryOutcome, DeliveryStep } from './delivery.js';
import { applyModifications, type Draft } from './draft.js';
import type { GuardedMilter } from './guarded-milter.js';
import type { Path } from './mail.js';

/** What is known of a message when its transaction is over. */
export interface TransactionResult {
  readonly milter: GuardedMilter;
  readonly draft: Draft;
  readonly steps: readonly DeliveryStep[];
  /** What the client was told last. */
  readonly reply: SmtpReply;
  readonly modifications: readonly WireModification[];
  readonly discarded: boolean;
  /** Whether the client has given it up. */
  readonly abandoned: boolean;
  readonly rounds: number;
  readonly accepted: readonly Required<Path>[];
  readonly refused: readonly Required<Path>[];
}

/** Does to the message what the milter wanted, unless nobody gets it, and says what became of it. */
export function makeDelivery(result: TransactionResult): Omit<Delivery, 'transcript'> {
  const { milter, draft, steps, reply, modifications, accepted, refused, rounds } = result;
  const before = draft.recipients.list();
  const outcome = settle(result);
  const after = draft.recipients.list();
  return {
    outcome,
    reply,
    steps,
    accepted,
    refused,
    added: without(after, before),
    removed: without(before, after),
    sender: draft.sender,
    recipients: draft.recipients.list(),
    headers: draft.headers.list(),
    body: draft.body,
    message: Buffer.concat([draft.headers.toBytes(), Buffer.from('\r\n'), draft.body]),
    quarantined: draft.quarantined,
    rounds,
    modifications,
    agreement: milter.connection?.agreement,
    failure: milter.failure,
  };
}

/** Those of some that are not in others, however often they are in these or those. */
function without(some: readonly Required<Path>[], others: readonly Required<Path>[]): Required<Path>[] {
  const left = others.map(({ address }) => address);
  return some.filter(({ address }) => {
    const at = left.indexOf(address);
    if (at !== -1) left.splice(at, 1);
    return at === -1;
  });
}

function settle({
  milter,
  draft,
  reply,
  modifications,
  discarded,
  abandoned,
}: TransactionResult): DeliveryOutcome {
  if (reply.code >= 400) return reply.code >= 500 ? 'refused' : 'deferred';
  if (abandoned) return 'abandoned';
  if (discarded) return 'discarded';
  applyModifications(draft, modifications);
  if (milter.holds) draft.quarantined ??= 'the milter failed';
  return draft.quarantined === undefined ? 'delivered' : 'quarantined';
}
