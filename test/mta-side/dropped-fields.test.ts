import { type Filter, addHeader, compose, observe, on } from 'rxmilter';
import { deliver, type MailHeader, type MtaKind } from 'rxmilter/mta';
import { describe, expect, test } from 'vitest';

/** What each real server does with the fields of a client: names that a milter sees, and fields that are delivered. */
interface Measured {
  readonly what: string;
  readonly fields: readonly MailHeader[];
  readonly seen: Readonly<Record<MtaKind, string>>;
  readonly delivered: Readonly<Record<MtaKind, string>>;
}

const SENT: readonly MailHeader[] = [
  ['Date', 'now'],
  ['From', 'al@src.example'],
  ['Message-Id', '<1@src.example>'],
];

const MEASURED: readonly Measured[] = [
  {
    what: 'blind copies, beside To',
    fields: [
      ['Bcc', 'bo@src.example'],
      ['To', 'cy@src.example'],
    ],
    seen: { postfix: 'To', sendmail: 'Bcc To', stalwart: 'Bcc To', maddy: 'Bcc To' },
    delivered: { postfix: 'To', sendmail: 'To', stalwart: 'Bcc To', maddy: 'Bcc To' },
  },
  {
    what: 'a path, a length and a name',
    fields: [
      ['Return-Path', '<al@src.example>'],
      ['content-length', '7'],
      ['Full-Name', 'Al'],
    ],
    seen: {
      postfix: 'Full-Name',
      sendmail: 'Return-Path content-length Full-Name',
      stalwart: 'Return-Path content-length Full-Name',
      maddy: 'Return-Path Content-Length Full-Name',
    },
    delivered: {
      postfix: 'Full-Name',
      sendmail: '',
      stalwart: 'Return-Path content-length Full-Name',
      maddy: 'Return-Path content-length Full-Name',
    },
  },
  {
    what: 'a field of a message that was resent',
    fields: [['Resent-To', 'bo@src.example']],
    seen: { postfix: 'Resent-To', sendmail: 'Resent-To', stalwart: 'Resent-To', maddy: 'Resent-To' },
    delivered: {
      postfix: 'Resent-To',
      sendmail: 'Resent-Date Resent-From Resent-Message-Id Resent-To',
      stalwart: 'Resent-To',
      maddy: 'Resent-To',
    },
  },
  {
    what: 'a field with which Sendmail begins the body',
    fields: [
      ['X-A', '1'],
      ['Text', 'one'],
      ['X-B', '2'],
    ],
    seen: { postfix: 'X-A Text X-B', sendmail: 'X-A', stalwart: 'X-A Text X-B', maddy: 'X-A Text X-B' },
    delivered: { postfix: 'X-A Text X-B', sendmail: 'X-A', stalwart: 'X-A Text X-B', maddy: 'X-A Text X-B' },
  },
];

const KINDS = ['postfix', 'sendmail', 'stalwart', 'maddy'] as const;
const OWN = ['Received', 'Return-Path'];

describe.each(KINDS)('of the fields of a client %s', (mta) => {
  test.each(MEASURED)('shows and delivers as it is known to: $what', async ({ fields, seen, delivered }) => {
    const { filter, names } = looking();
    const { headers } = await deliver(
      { sender: 'al@src.example', recipients: ['bo@dst.example'], headers: [...SENT, ...fields] },
      { mta, to: filter },
    );
    expect(names.slice(3).join(' ')).toBe(seen[mta]);
    const own = headers.findIndex(({ name }) => !OWN.includes(name));
    const others = headers.slice(own).filter(({ name }) => !SENT.some(([one]) => one === name));
    expect(others.map(({ name }) => name).join(' ')).toBe(delivered[mta]);
  });
});

test('what a Text of the client becomes part of, Sendmail delivers as it shows it', async () => {
  let shown = '';
  const { body } = await deliver(
    {
      sender: 'al@src.example',
      recipients: ['bo@dst.example'],
      headers: [
        ['Text', 'one\n two'],
        ['X-B', '2'],
      ],
      body: 'Hi\n',
    },
    { mta: 'sendmail', to: observe('body', ({ chunk }) => void (shown += String(chunk))) },
  );
  expect(String(body)).toBe('Text: one\r\n twoX-B: 2\r\n\r\nHi\r\n');
  expect(shown).toBe(String(body));
});

test('Sendmail leaves the name of a blind copy where there is no other recipient', async () => {
  const { headers } = await deliver(
    {
      sender: 'al@src.example',
      recipients: ['bo@dst.example'],
      headers: [...SENT, ['Bcc', 'cy@src.example']],
    },
    { mta: 'sendmail', to: on('eom', () => addHeader('To', 'bo@dst.example')) },
  );
  expect(headers.slice(-2)).toMatchObject([
    { name: 'Bcc', value: '' },
    { name: 'To', value: 'bo@dst.example' },
  ]);
});

test.each([
  ['Al', 'Al <al@src.example>'],
  ['Al B.', '"Al B." <al@src.example>'],
  ['Al (B.)', 'Al (B.) <al@src.example>'],
])('Sendmail makes a From of the full name %s', async (name, from) => {
  const { headers } = await deliver(
    { sender: 'al@src.example', recipients: ['bo@dst.example'], headers: [['Full-Name', name]] },
    { mta: 'sendmail', to: on('eom', () => undefined) },
  );
  expect(headers.find((field) => field.name === 'From')?.value).toBe(from);
});

test.each([
  ['stalwart', 'Received Return-Path Date Message-ID Subject'],
  ['maddy', 'X-Top Received Subject'],
] as const)('%s puts its own fields where they belong', async (mta, expected) => {
  const { headers } = await deliver(
    { sender: 'al@src.example', recipients: ['bo@dst.example'], headers: [['Subject', 'x']] },
    { mta, to: mta === 'maddy' ? on('eom', () => addHeader('X-Top', '1')) : on('eom', () => undefined) },
  );
  expect(headers.map(({ name }) => name).join(' ')).toBe(expected);
});

/** A filter that notes the names that it is shown. */
function looking(): { filter: Filter; names: string[] } {
  const names: string[] = [];
  return { filter: compose(observe('header', ({ name }) => void names.push(name))), names };
}
