import { addRecipient, deleteRecipient, on } from 'rxmilter';
import { deliver } from 'rxmilter/mta';
import { describe, expect, it } from 'vitest';

/** What Sendmail 8.17.1 passes on of a recipient that came with the first, was deleted, and was added with the second. */
const ANEW: readonly (readonly [string[], string[], string[]])[] = [
  [[], [], []],
  [[], ['NOTIFY=NEVER'], ['NOTIFY=FAILURE,DELAY']],
  [[], ['NOTIFY=SUCCESS'], ['NOTIFY=SUCCESS,FAILURE,DELAY']],
  [['NOTIFY=NEVER'], [], ['NOTIFY=FAILURE,DELAY']],
  [['NOTIFY=NEVER'], ['NOTIFY=NEVER'], ['NOTIFY=NEVER']],
  [['NOTIFY=NEVER'], ['NOTIFY=DELAY'], ['NOTIFY=DELAY']],
  [['NOTIFY=SUCCESS'], ['NOTIFY=NEVER'], ['NOTIFY=SUCCESS']],
  [['NOTIFY=SUCCESS'], ['NOTIFY=FAILURE'], ['NOTIFY=SUCCESS,FAILURE']],
  [['NOTIFY=DELAY'], ['NOTIFY=SUCCESS,FAILURE'], ['NOTIFY=SUCCESS,FAILURE,DELAY']],
  [['ORCPT=rfc822;old@x.example'], ['ORCPT=rfc822;new@x.example'], ['ORCPT=rfc822;old@x.example']],
  [['ORCPT=rfc822;old@x.example'], [], ['ORCPT=rfc822;old@x.example']],
];

async function recipientsOf(
  recipients: readonly { address: string; args: string[] }[],
  ...modifications: readonly (ReturnType<typeof addRecipient> | ReturnType<typeof deleteRecipient>)[]
): Promise<unknown> {
  const delivery = await deliver(
    { sender: 'a@src.example', recipients },
    { mta: 'sendmail', to: on('eom', () => modifications) },
  );
  return delivery.recipients;
}

describe('the recipients of Sendmail', () => {
  it.each(ANEW)('that came with %j and are added anew with %j have %j', async (old, anew, expected) => {
    const address = 'bob@dst.example';
    expect(
      await recipientsOf([{ address, args: old }], deleteRecipient(address), addRecipient(address, anew)),
    ).toEqual([{ address, args: expected }]);
  });

  it('stay as they are where they are added without being deleted', async () => {
    const bob = { address: 'bob@dst.example', args: ['NOTIFY=SUCCESS'] };
    expect(await recipientsOf([bob], addRecipient(bob.address, ['NOTIFY=NEVER']))).toEqual([bob]);
  });

  it('are told apart, and deleted, by their addresses in their own case', async () => {
    const [bob, other, cid] = ['bob@dst.example', 'bob@DST.example', 'cid@dst.example'].map((address) => ({
      address,
      args: [],
    }));
    const all = [bob, other, cid].flatMap((one) => one ?? []);
    expect(await recipientsOf(all)).toEqual(all);
    expect(
      await recipientsOf(all, deleteRecipient('bob@DST.example'), deleteRecipient('CID@dst.example')),
    ).toEqual([bob, cid]);
  });
});
