import fc from 'fast-check';
import {
  type Modification,
  addHeader,
  addRecipient,
  compose,
  deleteRecipient,
  observe,
  on,
  type EnvelopePath,
} from 'rxmilter';
import { deliver, type MtaKind } from 'rxmilter/mta';
import { describe, expect, it } from 'vitest';

import { applyRecipientChanges, recipientChanges } from '../../src/message/edit/recipient-changes.js';
import { type Recipient, pathsOf, recipients, wantedRecipients } from './support/recipient-edits.js';

/** Recipients, each written as it stands in RCPT: without brackets, its arguments behind it. */
function paths(...lines: string[]): EnvelopePath[] {
  return pathsOf(
    lines.map((line) => {
      const [address = '', ...args] = line.split(' ');
      return { address, args };
    }),
  );
}

function lines(list: readonly Recipient[]): string[] {
  return list.map(({ address, args }) => [address, ...args].join(' '));
}

const BOB = '<bob@dst.example>';
const CID = '<cid@dst.example>';

describe('the changes from some recipients to others', () => {
  it.each<[string, string[], string[], Modification[]]>([
    ['nothing is changed', ['a@x.example', 'b@x.example'], ['b@x.example', 'a@x.example'], []],
    ['one is gone', ['bob@dst.example', 'cid@dst.example'], ['cid@dst.example'], [deleteRecipient(BOB)]],
    ['one is new', ['bob@dst.example'], ['bob@dst.example', 'cid@dst.example'], [addRecipient(CID)]],
    ['one is another', ['bob@dst.example'], ['cid@dst.example'], [deleteRecipient(BOB), addRecipient(CID)]],
    [
      'one has other arguments',
      ['bob@dst.example NOTIFY=NEVER'],
      ['bob@dst.example'],
      [deleteRecipient(BOB), addRecipient(BOB)],
    ],
    [
      'one is there with other arguments as well',
      ['bob@dst.example'],
      ['bob@dst.example', 'bob@dst.example NOTIFY=NEVER'],
      [addRecipient(BOB, ['NOTIFY=NEVER'])],
    ],
    [
      'one of two with the same address is gone, with which both are',
      ['bob@dst.example', 'bob@dst.example NOTIFY=NEVER', 'cid@dst.example'],
      ['bob@dst.example NOTIFY=NEVER', 'cid@dst.example'],
      [deleteRecipient(BOB), addRecipient(BOB, ['NOTIFY=NEVER'])],
    ],
    [
      'one of two that differ by the case is gone, with which both may be',
      ['bob@dst.example', 'Bob@dst.example'],
      ['Bob@dst.example'],
      [deleteRecipient(BOB), deleteRecipient('<Bob@dst.example>'), addRecipient('<Bob@dst.example>')],
    ],
    ['one is there twice, which is once', ['bob@dst.example', 'bob@dst.example'], ['bob@dst.example'], []],
    [
      'none is left',
      ['bob@dst.example', 'cid@dst.example'],
      [],
      [deleteRecipient(BOB), deleteRecipient(CID)],
    ],
  ])('are these where %s', (_what, from, to, changes) => {
    expect(recipientChanges(paths(...from), paths(...to))).toEqual(changes);
  });

  it('name a recipient by the bytes that it came with', () => {
    const raw = Buffer.from('<b\xf6b@dst.example>', 'latin1');
    const [path] = paths('bob@dst.example');
    const from = path === undefined ? [] : [{ ...path, address: 'b\xf6b@dst.example', raw }];
    expect(recipientChanges(from, [])).toEqual([deleteRecipient(raw)]);
    expect(recipientChanges([], from)).toEqual([addRecipient(raw)]);
  });

  it('say which address cannot be written', () => {
    const [path] = paths('bob@dst.example');
    const from = path === undefined ? [] : [{ ...path, address: 'b\x01b@x', raw: Buffer.from('<b\x01b@x>') }];
    expect(() => recipientChanges(from, [])).toThrow(/^deleteRecipient: the address .* holds a blank/);
  });

  it('take what is in quotes for a part of the address', () => {
    const [path] = paths('bob@dst.example');
    const raw = Buffer.from('<"b <b> \\" @"@x>');
    const from = path === undefined ? [] : [{ ...path, address: '"b <b> \\" @"@x', raw }];
    expect(recipientChanges(from, [])).toEqual([deleteRecipient('<"b <b> \\" @"@x>')]);
    expect(recipientChanges([], from)).toEqual([addRecipient('"b <b> \\" @"@x')]);
  });

  describe.each<MtaKind>(['postfix', 'sendmail'])('in %s', (mta) => {
    /** In Sendmail a recipient that is added anew has its old NOTIFY beside the new one. */
    function asCompared(sent: readonly Recipient[]): (line: string) => string {
      const anew = new Set(sent.map(({ address }) => address));
      return (line) => {
        const [address = ''] = line.split(' ');
        return mta === 'sendmail' && anew.has(address) ? address : line;
      };
    }

    it('make those that are wanted of those that came, whichever they are', async () => {
      await fc.assert(
        fc.asyncProperty(recipients, wantedRecipients, async (sent, wanted) => {
          const delivered = await through(mta, sent, (from) => recipientChanges(from, pathsOf(wanted)));
          expect(delivered.map(asCompared(sent)).sort()).toEqual(lines(wanted).map(asCompared(sent)).sort());
        }),
        { numRuns: 300 },
      );
    });

    it('can be made after those of earlier filters, whose wishes they then hold', async () => {
      await fc.assert(
        fc.asyncProperty(recipients, wantedRecipients, wantedRecipients, async (sent, first, second) => {
          const delivered = await through(mta, sent, (from) => {
            const seen = applyRecipientChanges(from, recipientChanges(from, pathsOf(first)));
            expect(new Set(lines(seen))).toEqual(new Set(lines(first)));
            return recipientChanges(
              from,
              applyRecipientChanges(seen, recipientChanges(seen, pathsOf(second))),
            );
          });
          expect(delivered.map(asCompared(sent)).sort()).toEqual(lines(second).map(asCompared(sent)).sort());
        }),
        { numRuns: 150 },
      );
    });
  });
});

describe('modifications of recipients, applied', () => {
  it.each<[string, Modification[], string[]]>([
    ['none', [], ['bob@dst.example', 'bob@dst.example NOTIFY=NEVER', 'Cid@dst.example']],
    [
      'a deletion, which takes all with the address',
      [deleteRecipient('bob@dst.example')],
      ['Cid@dst.example'],
    ],
    [
      'a deletion by another spelling, which neither MTA makes',
      [deleteRecipient('cid@dst.example'), deleteRecipient('bob@DST.example')],
      ['bob@dst.example', 'bob@dst.example NOTIFY=NEVER', 'Cid@dst.example'],
    ],
    [
      'an addition after a deletion, and one of what is there',
      [deleteRecipient(BOB), addRecipient(BOB), addRecipient('Cid@dst.example'), addHeader('X', '1')],
      ['Cid@dst.example', 'bob@dst.example'],
    ],
    [
      'a deletion after an addition',
      [addRecipient('dan@dst.example'), deleteRecipient(BOB), deleteRecipient('<dan@dst.example>')],
      ['Cid@dst.example'],
    ],
  ])('make these of them: %s', (_what, modifications, expected) => {
    const from = paths('bob@dst.example', 'bob@dst.example NOTIFY=NEVER', 'Cid@dst.example');
    expect(lines(applyRecipientChanges(from, modifications))).toEqual(expected);
  });

  it('have all that a path has', () => {
    const [added] = applyRecipientChanges([], [addRecipient('Dan@DST.example', ['NOTIFY=NEVER', 'X'])]);
    expect(added).toEqual({
      address: 'Dan@DST.example',
      local: 'Dan',
      mailbox: 'dan@dst.example',
      domain: 'dst.example',
      args: ['NOTIFY=NEVER', 'X'],
      params: { NOTIFY: 'NEVER', X: '' },
      raw: Buffer.from('<Dan@DST.example>'),
    });
  });

  it('are refused where one is malformed', () => {
    const bad: Modification = { kind: 'addRecipient', address: 'a b@x', args: [] };
    expect(() => applyRecipientChanges([], [bad])).toThrow(
      /^addRecipient: the address "a b@x" holds a blank/,
    );
  });
});

/** The recipients that a message is delivered to, after a filter has seen them and changed them. */
async function through(
  mta: MtaKind,
  sent: readonly Recipient[],
  changes: (told: readonly EnvelopePath[]) => Modification[],
): Promise<string[]> {
  const told: EnvelopePath[] = [];
  const delivery = await deliver(
    { sender: 'alice@src.example', recipients: sent, headers: [['Subject', 'Hi']], body: 'x\n' },
    {
      mta,
      to: compose(
        observe('rcpt', (path) => void told.push(path)),
        on('eom', () => changes(told)),
      ),
    },
  );
  expect([delivery.failure, delivery.outcome]).toEqual([undefined, 'delivered']);
  return lines(delivery.recipients);
}
