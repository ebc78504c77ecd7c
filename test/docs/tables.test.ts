import { tmpdir } from 'node:os';
import {
  type BodyMode,
  Headers,
  type MessageOptions,
  type MilterEvent,
  compose,
  on,
  onMessage,
  serve,
  SMFIF,
  SMFIP,
} from 'rxmilter';
import { deliver } from 'rxmilter/mta';
import { describe, expect, test } from 'vitest';

import { DraftHeaders } from '../../src/message/edit/draft-headers.js';
import { DraftRecipients } from '../../src/message/edit/draft-recipients.js';
import { resolveMessageOptions } from '../../src/message/message-options.js';
import { resolveRemote } from '../../src/mta/remote/remote-options.js';
import { type Reject, isLegal } from '../../src/session/decisions.js';
import { resolveOptions } from '../../src/session/options.js';
import { STAGES } from '../../src/session/stage.js';
import { parseEndpoint } from '../../src/transport/sockets/endpoint.js';
import { COMMANDS } from '../../src/transport/wire/commands.js';
import { REPLIES } from '../../src/transport/wire/replies.js';
import { readPage, tableBelow } from './support/markdown.js';
import { propertiesOf } from './support/properties-of.js';
import { senderTo } from './support/serving.js';

const GUIDE = 'docs/guide.md';
const PROTOCOL = 'docs/protocol.md';

function nameOf(flags: Readonly<Record<string, number>>, bit: number): string {
  return Object.keys(flags).find((name) => flags[name] === bit) ?? '';
}

function words(cell = ''): string[] {
  return cell.split(', ').filter((word) => word !== '');
}

describe('the tables of the protocol notes', () => {
  test('commands are those of the code', () => {
    const rows = tableBelow(PROTOCOL, 'Commands').map(({ libmilter: _libmilter, ...row }) => row);
    expect(rows).toEqual(
      Object.entries(COMMANDS).map(([name, { letter, layout, version, replies, no, nr }]) => ({
        Letter: letter,
        Name: name,
        Data: layout.doc,
        Version: String(version),
        Reply: replies ? 'yes' : 'no',
        'Not sent under': nameOf(SMFIP, no),
        'No reply under': nameOf(SMFIP, nr),
      })),
    );
  });

  test('replies are those of the code', () => {
    const rows = tableBelow(PROTOCOL, 'Replies').map(({ libmilter: _libmilter, ...row }) => row);
    expect(rows).toEqual(
      Object.entries(REPLIES).map(([name, { letter, layout, kind, right }]) => ({
        Letter: letter,
        Name: name,
        Data: layout.doc,
        Kind: kind,
        Right: nameOf(SMFIF, right),
      })),
    );
  });

  test.each([
    ['Actions', 'SMFIF', SMFIF],
    ['Protocol flags', 'SMFIP', SMFIP],
  ] as const)('%s are those of the code', (heading, column, flags) => {
    const rows = tableBelow(PROTOCOL, heading).map((row) => [row[column], Number(row.Bit)]);
    expect(rows).toEqual(Object.entries(flags));
  });

  test('decisions are those of the code', () => {
    const kinds = {
      CONTINUE: ['allow'],
      ACCEPT: ['accept'],
      'REJECT, TEMPFAIL, REPLYCODE': ['reject', 'tempfail'],
      DISCARD: ['discard'],
      SKIP: ['skip'],
    };
    const rows = tableBelow(PROTOCOL, 'Replies by stage');
    expect(rows.map((row) => row['In answer to'])).toEqual(STAGES);
    for (const row of rows) {
      for (const [column, decisions] of Object.entries(kinds)) {
        for (const kind of decisions) {
          const stage = STAGES.find((each) => each === row['In answer to']) ?? 'connect';
          expect([stage, kind, row[column] !== '']).toEqual([stage, kind, isLegal(kind, stage)]);
        }
      }
    }
  });
});

describe('the tables of the guide', () => {
  test('events carry what they are said to carry', async () => {
    const seen = new Map<string, MilterEvent>();
    const see = (event: MilterEvent): void => void seen.set(event.stage, event);
    const server = await serve(compose(on(STAGES, see)), { listen: 'inet:0@127.0.0.1' });
    await senderTo(server)();
    const rows = tableBelow(GUIDE, 'What flows: events and replies');
    const compared = rows.filter(({ Stage = '' }) => seen.has(Stage));
    expect(rows.map(({ Stage }) => Stage)).toEqual([...STAGES, 'abort', 'close']);
    expect(compared.length).toBe(STAGES.length - 1);
    for (const { Stage = '', Carries } of compared) {
      const fields = Object.keys(seen.get(Stage) ?? {}).filter((key) => key !== 'stage' && key !== 'session');
      expect([Stage, fields.sort()]).toEqual([Stage, words(Carries).sort()]);
    }
  });

  test('decisions are legal where they are said to be', () => {
    for (const row of tableBelow(GUIDE, 'Decisions')) {
      const kind = (row.Decision ?? '').replace('()', '');
      const not = row['Not at'] ?? '';
      const legal = not === 'all but body' ? ['body'] : STAGES.filter((stage) => !words(not).includes(stage));
      expect([kind, STAGES.filter((stage) => isLegal(kind, stage))]).toEqual([kind, legal]);
    }
  });

  test('modifications need the rights that they are said to need', () => {
    const modifications = tableBelow(GUIDE, 'Changing a message').map((row) => [
      (row.Modification ?? '').replace(/\(.*/, ''),
      row.Right,
    ]);
    const rights = Object.fromEntries(
      Object.entries(REPLIES).flatMap(([name, { kind, right }]) =>
        kind === 'modification' ? [[name, nameOf(SMFIF, right)]] : [],
      ),
    );
    const { addRecipientPar, ...others } = rights;
    expect(Object.fromEntries(modifications)).toEqual({
      ...others,
      deleteHeader: others.changeHeader,
      addRecipient: `${others.addRecipient ?? ''}, with args ${addRecipientPar ?? ''}`,
    });
  });

  test('timeouts have the defaults that they are said to have', () => {
    const rows = tableBelow(GUIDE, 'Time').map(({ Timeout = '', Default = '' }) => [
      Timeout,
      Number(Default.replaceAll(' ', '')),
    ]);
    expect(Object.fromEntries(rows)).toEqual(resolveOptions({}).timeouts);
  });

  test('options are all that there are', { timeout: 60_000 }, () => {
    const options = tableBelow(GUIDE, 'Options').map(({ Option }) => Option);
    expect(options.sort()).toEqual(propertiesOf('ServeOptions').sort());
  });

  test('options and timeouts of other milters are all that there are', { timeout: 60_000 }, () => {
    const options = tableBelow(GUIDE, 'Other milters').map(({ Option }) => Option);
    expect(options.sort()).toEqual(propertiesOf('RemoteOptions').sort());
    const [, section = ''] = readPage(GUIDE).split('## Other milters');
    const rows = [...section.matchAll(/^\| `(\w+)` +\| ([\d ]+) +\|/gm)].slice(0, 4);
    const timeouts = rows.map(([, name = '', value = '']) => [name, Number(value.replaceAll(' ', ''))]);
    expect(Object.fromEntries(timeouts)).toEqual(resolveRemote('inet:8892', {}).timeouts);
  });

  test('an outcome and a session have the fields that they are said to have', { timeout: 60_000 }, () => {
    expect(
      tableBelow(GUIDE, 'Outcomes and errors')
        .map(({ Field }) => Field)
        .sort(),
    ).toEqual(propertiesOf('Outcome').sort());
    const [, session = ''] = readPage(GUIDE).split('`event.session` is what is known');
    const fields = [...session.matchAll(/^\| `(\w+)` +\|/gm)].map(([, field]) => field);
    const known = propertiesOf('SessionInfo');
    expect(fields.slice(0, known.length).sort()).toEqual(known.sort());
  });

  test('a message has the fields that it is said to have', { timeout: 60_000 }, () => {
    const fields = tableBelow(GUIDE, 'The message').map(({ Field }) => Field);
    expect(fields.sort()).toEqual(propertiesOf('Message').sort());
  });

  test('options of messages are all that there are, with their defaults', { timeout: 60_000 }, () => {
    const rows = tableBelow(GUIDE, 'Options and limits');
    const options = propertiesOf('MessageOptions').filter((name) => name !== 'limits');
    const limits = propertiesOf('MessageLimits').map((name) => `limits.${name}`);
    expect(rows.map(({ Option }) => Option).sort()).toEqual([...options, ...limits].sort());
    const { limits: numbers, body, maxBytes, beyond, full, store } = resolveMessageOptions({});
    const defaults = Object.fromEntries(rows.map(({ Option = '', Default = '' }) => [Option, Default]));
    const written = Object.entries(numbers).map(([name, value]) => [
      `limits.${name}`,
      value === Infinity ? 'none' : value.toLocaleString('en').replaceAll(',', ' '),
    ]);
    expect(defaults).toEqual({
      ...Object.fromEntries(written),
      body: `'${body}'`,
      maxBytes: maxBytes === Infinity ? 'all' : maxBytes,
      beyond: `a ${(beyond as { kind: string }).kind}()`,
      full: `a ${full.kind}()`,
      directory: store.directory === tmpdir() ? 'os.tmpdir()' : store.directory,
    });
    const { reply } = beyond as Reject;
    expect(readPage(GUIDE)).toContain(
      `\`${[reply?.code, reply?.enhanced, ...(reply?.lines ?? [])].join(' ')}\``,
    );
  });

  test('bodies cost what they are said to cost', async () => {
    const pieces = 5;
    const mail = { sender: 'a@b.test', recipients: ['c@d.test'], body: 'x'.repeat(pieces * 65_535 - 2) };
    const costs = async (options: MessageOptions): Promise<number> => {
      const filter = onMessage<BodyMode>(options, async ({ body }) => {
        if (body !== undefined && 'readable' in body) for await (const _piece of body) continue;
      });
      return (await deliver(mail, { to: filter })).rounds - 1;
    };
    const modes = ['buffer', 'none', 'stream'] as const;
    const rows = tableBelow(GUIDE, 'The body').map(({ body, 'Round trips': said = '' }) => [body, said]);
    for (const mode of modes) {
      const [, said] = rows.find(([name = '']) => /^'\w+'/.exec(name)?.[0] === `'${mode}'`) ?? [];
      expect([mode, await costs({ body: mode })]).toEqual([mode, said === '0' ? 0 : pieces]);
    }
    expect(rows.at(-1)).toEqual(["'buffer' with maxBytes", '1 for each 64 KiB']);
    expect(await costs({ maxBytes: 65_535 * 2 + 1 })).toBe(3);
  });

  test('headers and drafts have the members that they are said to have', () => {
    const membersOf = ({ prototype }: { readonly prototype: object }): string[] =>
      Object.getOwnPropertyNames(prototype).filter((name) => !['constructor', 'writable'].includes(name));
    const named = (heading: string, column: string): string[] =>
      tableBelow(GUIDE, heading).map((row) => (row[column] ?? '').replace(/\(.*/, ''));
    expect(named('Headers', 'Member').sort()).toEqual(membersOf(Headers).sort());
    expect(named('Editing', 'Of the draft').sort()).toEqual(
      [
        ...membersOf(DraftHeaders).map((name) => `headers.${name}`),
        ...membersOf(DraftRecipients).map((name) => `recipients.${name}`),
        ...propertiesOf('Draft').filter((name) => !['headers', 'recipients'].includes(name)),
      ].sort(),
    );
  });

  test('endpoints can be written as it is said', () => {
    const texts = tableBelow(GUIDE, 'Where to listen').flatMap(({ Written }) => words(Written));
    const parsed = texts.filter((text) => !/[{}]/.test(text)).map((text) => parseEndpoint(text));
    expect(parsed.length).toBeGreaterThan(8);
  });
});
