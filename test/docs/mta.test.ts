import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { type SmtpReply, MilterError } from 'rxmilter';
import type { Delivery, HeaderField, Verdict } from 'rxmilter/mta';
import { describe, expect, onTestFinished, test, vi } from 'vitest';

import { tableBelow } from './support/markdown.js';
import { runSnippet } from './support/run-snippet.js';

describe('the page on the MTA, on', () => {
  test('mta-deliver: one mail and what is known of it', async () => {
    const { delivery, outcome, accepted, refused, told, added } = await runSnippet<{
      delivery: Delivery;
      outcome: string;
      accepted: string[];
      refused: string[];
      told: string[];
      added: HeaderField;
    }>('mta-deliver');
    expect({ outcome, accepted, refused }).toEqual({
      outcome: 'delivered',
      accepted: [{ address: 'bob@example.org', args: [] }],
      refused: [{ address: 'closed@example.org', args: [] }],
    });
    expect(told.slice(3)).toEqual([
      'rcpt: 550 5.7.1 This mailbox is closed',
      'rcpt: 250 2.1.5 Ok',
      'data: 354 End data with <CR><LF>.<CR><LF>',
      expect.stringMatching(/^message: 250 2\.0\.0 Ok: queued as \w+$/),
    ]);
    expect(added).toMatchObject({ name: 'X-Filter', value: 'seen' });
    const listed = tableBelow('docs/mta.md', 'What a delivery says').flatMap(({ Property = '' }) =>
      Property.split(', '),
    );
    expect(listed.sort()).toEqual(Object.keys(delivery).sort());
  });

  test('mta-file: a mail from a file', async () => {
    const directory = await mkdtemp(`${tmpdir()}/rxmilter-docs-`);
    onTestFinished(() => rm(directory, { recursive: true }));
    await writeFile(`${directory}/mail.eml`, 'From x\nSubject: Win\n\nNow\n');
    const found = await runSnippet<{ subject: string; outcome: string }>(
      'mta-file',
      {},
      {
        'spam/0001.eml': `${directory}/mail.eml`,
      },
    );
    expect(found).toMatchObject({ subject: 'Win', outcome: 'delivered' });
  });

  test('mta-client: TLS and AUTH', async () => {
    const { headers } = await runSnippet<{ headers: HeaderField[] }>('mta-client');
    expect(headers[0]?.value).toMatch(
      /^from laptop \(laptop\.example\.com \[IPv6:2001:db8::25\]\)\n\t.* with ESMTPSA id/,
    );
  });

  test('mta-both: Postfix and Sendmail', async () => {
    const { names } = await runSnippet<{ names: object }>('mta-both');
    const expected = 'Received Date From X-Filter Message-Id';
    expect(names).toEqual({ postfix: expected, sendmail: expected });
  });

  test('mta-late: a sender who is refused', async () => {
    const { told } = await runSnippet<{ told: ReadonlyMap<string, string> }>('mta-late');
    expect([...told]).toEqual([
      ['postfix', 'mail: 550 5.7.1 Not you'],
      ['stalwart', 'message: 550 5.7.1 Not you'],
      [
        'maddy',
        expect.stringMatching(/^rcpt: 550 5\.7\.1 Message rejected due to local policy \(msg ID = \w+\)$/),
      ],
    ]);
  });

  test('mta-fails: a milter that is not there', async () => {
    const log = vi.fn();
    const { outcome, failure } = await runSnippet<{ outcome: string; failure: unknown }>('mta-fails', {
      log,
    });
    expect(outcome).toBe('delivered');
    expect(failure).toBeInstanceOf(MilterError);
    expect(log).toHaveBeenCalledWith(expect.objectContaining({ kind: 'connect', stage: 'connect' }));
  });

  test('failures: all kinds that there are', () => {
    const listed = tableBelow('docs/mta.md', 'A milter that fails').map(({ Kind }) => Kind);
    const all: Record<MilterError['kind'], true> = {
      connect: true,
      negotiation: true,
      protocol: true,
      timeout: true,
      disconnect: true,
    };
    expect(listed).toEqual(Object.keys(all));
  });

  test('mta-many: many at a time, and one after the other', async () => {
    const { deferred, all } = await runSnippet<{ deferred: string[]; all: number }>('mta-many');
    expect(deferred).toEqual(['7@example.com: 451']);
    expect(all).toBe(100);
  });

  test('mta-session: several messages, and what is between them', async () => {
    const { first, second, unknown } = await runSnippet<{
      first: Delivery;
      second: Delivery;
      unknown: SmtpReply;
    }>('mta-session');
    expect([first.outcome, unknown.code, second.outcome]).toEqual(['delivered', 500, 'refused']);
  });

  test('mta-connection: event by event', async () => {
    const { verdict } = await runSnippet<{ verdict: Verdict }>('mta-connection');
    expect(verdict).toMatchObject({ kind: 'refuse', reply: { code: 550 } });
  });
});
