import fc from 'fast-check';
import { addRecipient, type EnvelopePath } from 'rxmilter';

import { applyRecipientChanges } from '../../../src/message/edit/recipient-changes.js';

/** A recipient with its ESMTP arguments, as a client or a filter writes it. */
export interface Recipient {
  readonly address: string;
  readonly args: readonly string[];
}

const ADDRESSES = [
  'bob@dst.example',
  'Bob@dst.example',
  'bob@DST.example',
  'cid@dst.example',
  'dan@dst.example',
  'eve@other.example',
];

const recipient: fc.Arbitrary<Recipient> = fc.record({
  address: fc.constantFrom(...ADDRESSES),
  args: fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, fc.constant(['NOTIFY=NEVER'])),
});

/** What a client may send. */
export const recipients: fc.Arbitrary<Recipient[]> = fc.array(recipient, { minLength: 1, maxLength: 5 });

/** What may be wanted: one mailbox once, since Sendmail has no two that differ by the case or the arguments alone. */
export const wantedRecipients: fc.Arbitrary<Recipient[]> = fc.uniqueArray(recipient, {
  minLength: 1,
  maxLength: 5,
  selector: ({ address }) => address.toLowerCase(),
});

export function pathsOf(list: readonly Recipient[]): EnvelopePath[] {
  return applyRecipientChanges(
    [],
    list.map(({ address, args }) => addRecipient(address, args)),
  );
}
