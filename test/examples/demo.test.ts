import { serve, type MilterServer } from 'rxmilter';
import { deliver, type Delivery, formatReply } from 'rxmilter/mta';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { MAILS } from '../../examples/demo-mails.mjs';
import { demo } from '../../examples/demo.mjs';
import filter, { closed } from '../../examples/tagging.mjs';

describe('the filter of the README', () => {
  let server: MilterServer;
  const errors: Error[] = [];

  beforeEach(async () => {
    errors.length = 0;
    server = await serve(filter, { listen: 'inet:0@127.0.0.1', onError: (error) => errors.push(error) });
  });
  afterEach(async () => {
    closed.next(new Set(['sales@example.org']));
    await server.close();
  });

  /** Delivers the mail of the demonstration with that in its title, and what differs from what came. */
  async function send(title: string): Promise<Delivery & { readonly changed: readonly string[] }> {
    const found = MAILS.find((one) => one.title.includes(title));
    if (found === undefined) throw new Error(`No mail is about ${title}.`);
    if (found.open === true) closed.next(new Set());
    const before = (found.mail.headers ?? []).map(([name, value]) => `${name}: ${String(value)}`);
    const delivery = await deliver(found.mail, { to: server.address, timeouts: { silent: 3 } });
    expect(delivery.failure).toBeUndefined();
    expect(errors).toEqual([]);
    const after = delivery.headers.slice(1).map(({ name, value }) => `${name}: ${value}`);
    return { ...delivery, changed: after.filter((field) => !before.includes(field)) };
  }

  it('adds a header to mail of somebody who has logged in', async () => {
    const { outcome, changed } = await send('logged in');
    expect([outcome, changed]).toEqual(['delivered', ['X-Filter: rxmilter']]);
  });

  it('tags the subject of mail from outside', async () => {
    const { outcome, changed, recipients } = await send('from outside');
    expect([outcome, changed]).toEqual([
      'delivered',
      ['Subject: [external] Your account', 'X-Filter: rxmilter'],
    ]);
    expect(recipients).toEqual([{ address: 'bob@example.org', args: ['NOTIFY=NEVER'] }]);
  });

  it('refuses a recipient whose mailbox is closed, and that one only', async () => {
    const { outcome, accepted, refused, steps } = await send('One of two');
    expect(outcome).toBe('delivered');
    expect(accepted.map(({ address }) => address)).toEqual(['bob@example.org']);
    expect(refused.map(({ address }) => address)).toEqual(['sales@example.org']);
    expect(steps.map(({ reply }) => formatReply(reply))).toContain('550 5.7.1 This mailbox is closed');
  });

  it('refuses the mail where nobody else gets it', async () => {
    const { outcome, reply } = await send('only mailbox');
    expect([outcome, formatReply(reply)]).toEqual(['refused', '550 5.7.1 This mailbox is closed']);
  });

  it('accepts it once the mailbox is open', async () => {
    const { outcome, recipients } = await send('open again');
    expect([outcome, recipients[0]?.address]).toEqual(['delivered', 'sales@example.org']);
  });

  it('redirects mail to info', async () => {
    const { outcome, accepted, recipients } = await send('help desk');
    expect(outcome).toBe('delivered');
    expect(accepted.map(({ address }) => address)).toEqual(['info@example.org']);
    expect(recipients).toEqual([{ address: 'helpdesk@example.org', args: [] }]);
  });

  it('holds mail that is marked as spam', async () => {
    const { outcome, quarantined } = await send('marked it as spam');
    expect([outcome, quarantined]).toEqual(['quarantined', 'it is marked as spam']);
  });
});

describe('the demonstration', () => {
  async function run(color: boolean): Promise<{ text: string; wrong: number }> {
    let text = '';
    const wrong = await demo({ write: (more) => void (text += more), color });
    return { text, wrong };
  }

  it('shows each mail, what was said, and what became of it', async () => {
    const { text, wrong } = await run(false);
    expect(wrong).toBe(0);
    MAILS.forEach(({ title, outcome }, at) => {
      const part = text.split(/^\d+\. /m)[at + 1];
      expect(part?.startsWith(title)).toBe(true);
      expect(part).toContain(`= ${outcome}: `);
    });
    expect(text).toContain(
      '  > rcpt <sales@example.org>\n    < replycode 550 5.7.1 This mailbox is closed\n',
    );
    expect(text).toContain('    - Subject: Your account\n    + Subject: [external] Your account\n');
    expect(text).toMatch(new RegExp(`All ${MAILS.length} mails fared as they should\\.\\n$`));
    expect(text).not.toContain('\u001b');
  });

  it('is the same in colour', async () => {
    const ports = /inet:\d+@|as \w+/g;
    const [plain, colored] = [await run(false), await run(true)];
    expect(colored.text).toContain('\u001b[');
    expect(colored.text.replace(/\u001b\[\d+m/g, '').replace(ports, '')).toBe(plain.text.replace(ports, ''));
  });

  it('counts what went wrong', async () => {
    const first = MAILS[0];
    if (first === undefined) throw new Error('There are no mails.');
    const right = first.outcome;
    Object.assign(first, { outcome: 'refused' });
    try {
      const { text, wrong } = await run(false);
      expect(wrong).toBe(1);
      expect(text).toContain('  wrong: it was to be refused\n');
    } finally {
      Object.assign(first, { outcome: right });
    }
  });
});
