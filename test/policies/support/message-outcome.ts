import { reject, type MessageOutcome } from 'rxmilter';
import { session as drawn } from 'rxmilter/testing';

/** A message of that client whose only recipient was refused, but for what is given. */
export function messageOutcome(address: string, given: Partial<MessageOutcome> = {}): MessageOutcome {
  const { session = drawn({ client: { address } }) } = given;
  const { client, helo, auth, tls, queueId } = session;
  return {
    session,
    client,
    helo,
    auth,
    tls,
    queueId,
    sender: 'alice@example.com',
    recipients: [recipientOutcome('refused')],
    result: 'refused',
    stage: 'rcpt',
    decision: reject(),
    text: '',
    modifications: [],
    skipped: [],
    size: undefined,
    duration: 1,
    rounds: 1,
    error: undefined,
    ...given,
  };
}

/** What became of a recipient. */
export function recipientOutcome(
  result: MessageOutcome['recipients'][number]['result'],
): MessageOutcome['recipients'][number] {
  return { address: 'bob@example.org', result, text: '' };
}
