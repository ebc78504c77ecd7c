import fc from 'fast-check';
import {
  addHeader,
  changeSender,
  compose,
  deleteHeader,
  observe,
  on,
  type EnvelopePath,
  type HeaderField,
} from 'rxmilter';
import { deliver } from 'rxmilter/mta';
import { expect, test } from 'vitest';

import { headerChanges } from '../../../src/message/edit/header-changes.js';
import { recipientChanges } from '../../../src/message/edit/recipient-changes.js';
import { headerField } from '../../../src/message/headers/header-field.js';
import {
  above,
  edited,
  header,
  headerEdits,
  type Field,
  type HeaderEdit,
} from '../../message/support/header-edits.js';
import {
  pathsOf,
  recipients,
  wantedRecipients,
  type Recipient,
} from '../../message/support/recipient-edits.js';
import { describeMtas } from '../support/describe-mtas.js';
import { plainRecipients } from '../support/plain-recipients.js';

/** Always the same cases, so that what fails once fails again. */
const SAMPLE = { seed: 20_240_101, numRuns: 60 };
const BLANK = Buffer.from(' ');

/** A field as it goes over SMTP, one character for each byte. */
function line(name: string, ...afterColon: Uint8Array[]): string {
  return `${name}:${Buffer.concat(afterColon).toString('latin1').replaceAll('\n', '\r\n')}\r\n`;
}

/** A message with this header. */
function letter(fields: readonly Field[]): Buffer {
  const lines = fields.map(([name, value]) => line(name, BLANK, value));
  return Buffer.from(`${lines.join('')}\r\nBody\r\n`, 'latin1');
}

/** The fields of a message, each with its line end; `OWN` is that of the MTA itself. */
function headerOf(message: Uint8Array): string[] {
  const text = Buffer.from(message).toString('latin1');
  const lines = text.slice(0, text.indexOf('\r\n\r\n') + 2).match(/[^\r]*\r\n(?:[ \t][^\r]*\r\n)*/g) ?? [];
  return lines.map((one) => (/^Received: [^]*by mx\.test\.example /.test(one) ? 'OWN' : one));
}

/** The header that a message with this one has to arrive with. */
function arriving(fields: readonly HeaderField[], leadingSpace: boolean): string[] {
  const lines = fields.map(({ name, raw }) => (leadingSpace ? line(name, raw) : line(name, BLANK, raw)));
  lines.splice(above(fields), 0, 'OWN');
  return lines;
}

/** How a recipient reaches the next server. */
function rcpt({ address, args }: Recipient): string {
  return [`<${address}>`, ...args].join(' ');
}

describeMtas('edits of a header', (bench) => {
  test.each([false, true])(
    'come out as they were made, whatever they are; leadingSpace: %s',
    async (leadingSpace) => {
      let edits: readonly HeaderEdit[] = [];
      let [from, to]: HeaderField[][] = [[], []];
      await bench().serve(
        compose(
          observe('mail', () => void (from = [])),
          observe('header', ({ name, raw }) => void from?.push(headerField(name, raw, leadingSpace))),
          on('eom', () => {
            to = edited(from ?? [], edits, leadingSpace);
            return headerChanges(from ?? [], to, leadingSpace);
          }),
        ),
        { leadingSpace },
      );
      const client = await bench().greeted();
      for (const [sent, wanted] of fc.sample(fc.tuple(header, headerEdits), SAMPLE)) {
        edits = wanted;
        expect(await client.deliver({ data: letter(sent) })).toMatch(/^250 /);
        const { data } = await bench().sink.next();
        expect(headerOf(data), fc.stringify({ sent, wanted })).toEqual(arriving(to ?? [], leadingSpace));
      }
    },
  );

  test.each(['insert', 'append', 'prepend'] as const)(
    'leave one Date alone where the client has sent none: %s',
    async (edit) => {
      const from = [headerField('From', 'Alice <alice@src.example>', false), headerField('X-A', '1', false)];
      const date: HeaderEdit = {
        edit,
        at: 1,
        name: 'Date',
        value: Buffer.from('Mon, 01 Jan 2024 00:00:00 +0000'),
      };
      await bench().serve(on('eom', () => headerChanges(from, edited(from, [date], false), false)));
      const data = letter(from.map(({ name, raw }) => [name, raw]));
      expect(await (await bench().greeted()).deliver({ data })).toMatch(/^250 /);
      const lines = headerOf((await bench().sink.next()).data);
      expect(lines.filter((one) => /^date:/i.test(one))).toEqual([
        'Date: Mon, 01 Jan 2024 00:00:00 +0000\r\n',
      ]);
    },
  );

  test('delete once what two filters want deleted', async () => {
    await bench().serve(
      compose(
        on('eom', () => [deleteHeader('X-A', 1), addHeader('X-First', '1')]),
        on('eom', () => deleteHeader('x-a', 1)),
      ),
    );
    const data = 'X-A: 1\r\nX-A: 2\r\nX-A: 3\r\n\r\n';
    expect(await (await bench().greeted()).deliver({ data })).toMatch(/^250 /);
    expect(headerOf((await bench().sink.next()).data)).toEqual(
      expect.arrayContaining(['OWN', 'X-A: 2\r\n', 'X-A: 3\r\n', 'X-First: 1\r\n']),
    );
  });
});

describeMtas('edits of an envelope', (bench, mta) => {
  test('come out as they were made, and as in the simulated MTA, whatever they are', async () => {
    let [from, to]: EnvelopePath[][] = [[], []];
    let sender = '';
    const filter = compose(
      observe('mail', () => void (from = [])),
      observe('rcpt', (path) => void from?.push(path)),
      on('eom', () => [...recipientChanges(from ?? [], to ?? []), changeSender(sender)]),
    );
    await bench().serve(filter);
    const client = await bench().greeted();
    const cases = fc.tuple(recipients, wantedRecipients, fc.constantFrom('', 'carol@src.example'));
    for (const [sent, wanted, newSender] of fc.sample(cases, SAMPLE)) {
      const what = fc.stringify({ sent, wanted });
      to = pathsOf(wanted);
      sender = newSender;
      expect(await client.deliver({ rcpts: sent.map(rcpt), data: 'Subject: x\r\n\r\n' })).toMatch(/^250 /);
      await bench().idle();
      const delivered = [...bench().sink.kept];
      bench().sink.clear();
      const got = delivered.flatMap(plainRecipients).sort();
      expect(got.map(withoutArguments), what).toEqual(wanted.map(rcpt).map(withoutArguments).sort());
      const simulated = await deliver({ sender: 'alice@src.example', recipients: sent }, { mta, to: filter });
      expect(got, what).toEqual(simulated.recipients.map(rcpt).sort());
      expect(new Set(delivered.map(({ mail }) => mail.split(' ')[0]))).toEqual(new Set([`<${newSender}>`]));
    }
  });
});

function withoutArguments(recipient: string): string {
  return recipient.replace(/ .*/, '');
}
