import {
  addHeader,
  changeHeader,
  compose,
  deleteHeader,
  insertHeader,
  observe,
  on,
  type Modification,
  type serve,
} from 'rxmilter';
import { deliver, parseEml, type MtaKind } from 'rxmilter/mta';
import { describe, expect, test } from 'vitest';

import type { SmtpSink } from '../support/sink.js';
import type { SmtpClient } from '../support/smtp-client.js';

/** What a bench has to have for a comparison, whichever MTA is on it. */
interface Bench {
  readonly sink: SmtpSink;
  serve(filter: Parameters<typeof serve>[0]): Promise<unknown>;
  greeted(): Promise<SmtpClient>;
}

/** What an SMTP client sends, and what becomes of it: one character for each byte. */
interface Fields {
  /** Each field that a milter sees: its name, a colon, and the value. */
  readonly seen: readonly string[];
  readonly body: string;
  readonly delivered: string;
}

/** Fields that one of the mail servers drops, adds or makes something else of, and some that all pass on. */
const NAMES = [
  'Bcc',
  'Resent-Bcc',
  'Return-Path',
  'Content-Length',
  'Full-Name',
  'Return-Receipt-To',
  'Disposition-Notification-To',
  'Errors-To',
  'Apparently-To',
  'Delivered-To',
  'X400-Received',
  'Status',
  'Lines',
  'Sender',
  'Reply-To',
  'To',
  'Cc',
  'From',
  'Date',
  'Message-Id',
  'Received',
  'Resent-Date',
  'Resent-From',
  'Resent-Sender',
  'Resent-Reply-To',
  'Resent-To',
  'Resent-Cc',
  'Resent-Message-Id',
  'Resent-Other',
  'Text',
  'Message',
];

/** Headers of a client by what is special about them. */
const HEADERS: readonly (readonly [what: string, lines: readonly string[]])[] = [
  ['no field', []],
  ...NAMES.flatMap((name): [string, string[]][] => [
    [name, [`${name}: al@src.example`, 'X-After: 1']],
    [`${name} in small letters`, [`${name.toLowerCase()}: al@src.example`]],
    [`${name} without a value`, [`${name}:`]],
    [`${name} with blanks alone`, [`${name}:   `]],
    [`${name} twice`, [`${name}: al@src.example`, `${name}: bo@src.example`]],
    [`${name} beside a blind copy`, ['Bcc: al@src.example', `${name}: bo@src.example`]],
    [`${name} beside a resent blind copy`, ['Resent-Bcc: al@src.example', `${name}:`]],
  ]),
  ['a blank before the colon', ['Bcc : al@src.example', 'Return-Path\t: <al@src.example>', 'X-A : 1']],
  ['folds', ['Bcc: al@src.example,', ' bo@src.example', 'Full-Name: Al', '\tB', 'X-A:', ' 1']],
  ['a Text of two lines', ['X-A: 1', 'Text: one', ' two', 'X-B: 2', 'X-C: 3']],
  ['a Text that is the last field', ['X-A: 1', 'Text:one']],
  ['a long value', [`X-A: ${'x'.repeat(3000)}`, 'X-B: 2']],
  ['a long value without a blank', [`X-A:${'x'.repeat(3000)}`, 'X-B: 2']],
  ['a long line in a fold', ['X-A: 1', ` ${'x'.repeat(6000)}`, ' 2']],
  ['a long first line', [`X-A: ${'x'.repeat(3000)}`, ' 2']],
  ['a line that just fits', [`X-A: ${'x'.repeat(2298)}`, ' 2']],
  ['a name of 100 characters', [`${'X'.repeat(100)}: 1`, 'X-B: 2']],
  ['a name of 101 characters', [`${'X'.repeat(101)}: 1`, 'X-B: 2']],
  ...[
    'Al',
    'Al B',
    'Al B.',
    'al@src',
    'Al "B."',
    "O'Al",
    'Al (B.)',
    'Al, B',
    'Al\\B',
    'Gr\xf6\xdfe',
    'Al: [B]',
  ].map((name): [string, string[]] => [`the full name ${name}`, [`Full-Name: ${name}`]]),
  ['two full names', ['Full-Name: Al', 'Full-Name: Bo']],
  ['two full names, one without a value', ['Full-Name:  ', 'Full-Name: Bo']],
  ['a full name and an author', ['Full-Name: Al', 'From: bo@src.example']],
  ['a full name of a message that was resent', ['Full-Name: Al', 'Resent-To: bo@src.example']],
];

/** Changes of a filter to fields that are dropped. */
const CHANGES: readonly (readonly [what: string, lines: readonly string[], change: Modification])[] = [
  ...NAMES.filter((name) => !['Text', 'Message'].includes(name)).flatMap(
    (name): [string, string[], Modification][] => [
      [`${name} added`, ['X-A: 1'], addHeader(name, 'al@src.example')],
      [`${name} added where it is`, ['X-A: 1', `${name}: bo@src.example`], addHeader(name, 'al@src.example')],
      [`${name} added to what was resent`, ['Resent-To: bo@src.example'], addHeader(name, 'al@src.example')],
      [`${name} inserted`, ['X-A: 1', 'X-B: 2'], insertHeader(2, name, 'al@src.example')],
      [`${name} changed`, [`${name}: bo@src.example`], changeHeader(name, 'al@src.example')],
      [`${name} deleted`, [`${name}: bo@src.example`, 'Bcc: al@src.example'], deleteHeader(name)],
    ],
  ),
  [
    'a field below those that are dropped',
    ['X-A: 1', 'Bcc: bo@src.example', 'Return-Path: <bo@src.example>', 'Date:', 'X-B: 2', 'X-C: 3'],
    insertHeader(3, 'X-In', 'yes'),
  ],
];

/** Tests that `deliver()` shows and delivers the fields that the MTA on the bench shows and delivers. */
export function fieldsLikeTheMta(bench: () => Bench, mta: MtaKind): void {
  const agree = async (
    lines: readonly string[],
    modifications: readonly Modification[],
    sender = 'alice@src.example',
  ): Promise<void> => {
    const message = Buffer.from([...lines, 'Subject: end', '', 'Body', ''].join('\r\n'), 'latin1');
    const expected = await real(bench(), message, modifications, sender);
    expect(await simulated(mta, message, modifications, sender)).toEqual(expected);
  };

  test.each(HEADERS)('%s', (_what, lines) => agree(lines, []));

  test('no sender, and a full name', () => agree(['Full-Name: Al'], [], ''));

  describe('of a filter', () => {
    test.each(CHANGES)('%s', (_what, lines, change) => agree(lines, [change]));
  });
}

async function real(
  bench: Bench,
  message: Buffer,
  modifications: readonly Modification[],
  sender: string,
): Promise<Fields> {
  const { filter, ...shown } = looking(modifications);
  await bench.serve(filter);
  const client = await bench.greeted();
  expect(await client.deliver({ mail: `<${sender}>`, data: message })).toMatch(/^250 /);
  return shown.fields(await bench.sink.next().then(({ data }) => data));
}

async function simulated(
  mta: MtaKind,
  message: Buffer,
  modifications: readonly Modification[],
  sender: string,
): Promise<Fields> {
  const { filter, ...shown } = looking(modifications);
  const delivery = await deliver(
    { sender, recipients: ['bob@dst.example'], ...parseEml(message) },
    { mta, to: filter, hostname: 'mx.test.example' },
  );
  return shown.fields(delivery.message);
}

/** A filter that notes what it is shown, and changes a message. */
function looking(modifications: readonly Modification[]): {
  filter: ReturnType<typeof compose>;
  fields: (delivered: Uint8Array) => Fields;
} {
  const seen: string[] = [];
  let body = '';
  return {
    filter: compose(
      observe('header', ({ name, raw }) => void seen.push(`${name}:${latin1(raw)}`)),
      observe('body', ({ chunk }) => void (body += latin1(chunk))),
      on('eom', () => modifications),
    ),
    fields: (delivered) => ({ seen, body, delivered: masked(latin1(delivered)) }),
  };
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1');
}

/** Without times and ids, and without the trace that the mail server adds on top. */
function masked(message: string): string {
  return message
    .replace(/^Received: (?:[^\r]*\r\n[ \t])*[^\r]*\r\n/, 'Received: (ours)\r\n')
    .replace(/^((?:Resent-)?Date:) \w{3}, \d+ \w{3} \d{4} [\d:]{8} GMT\r$/gm, '$1 (now)\r')
    .replace(/<\d{12}\.\w+@mx\.test\.example>/g, '<(id)@mx.test.example>');
}
