import { describeMessage } from 'rxmilter/mta';
import { describe, expect, it } from 'vitest';

import type { Command } from '../../src/transport/wire/commands.js';
import type { WireReply } from '../../src/transport/wire/replies.js';
import { COMMAND_VECTORS, REPLY_VECTORS } from '../support/vectors.js';

const ALL: readonly { id: string; fields: Command | WireReply }[] = [...COMMAND_VECTORS, ...REPLY_VECTORS];

describe('describeMessage', () => {
  it.each([
    ['C01', 'optneg version 6 actions 0x1ff protocol 0x1fffff'],
    [
      'R02',
      'optneg version 6 actions 0x1ff protocol 0x100500 macros[0]="j {daemon_name}" macros[3]="{rcpt_addr} {rcpt_host}" macros[5]="i" macros[6]="i"',
    ],
    ['C03', 'connect mail.example.com inet 192.0.2.25 54321'],
    ['C07', 'connect localhost unknown'],
    ['C08', 'macro C j=mx.example.org {daemon_name}=MTA'],
    ['C10', 'helo client.example.com'],
    ['C12', 'mail <alice@example.com> SIZE=1234 BODY=8BITMIME'],
    ['C18', 'data'],
    ['C21', 'header Received: from a.example ⏎ ·by b.example'],
    ['C25', 'body 7 bytes'],
    ['C26', 'eom'],
    [
      'R11',
      'replycode 554-5.7.0 Rejected by policy ⏎ 554-5.7.0 See https://example.org/p ⏎ 554 5.7.0 Goodbye',
    ],
    ['R20', 'insertHeader [1] Authentication-Results: mx.example.org; none'],
    ['R28', 'changeSender <bounce@example.com> RET=HDRS ENVID=abc'],
    ['R31', 'replaceBody'],
    ['R32', 'quarantine policy hold'],
  ])('says %s in a line: %s', (id, text) => {
    const message = ALL.find((one) => one.id === id)?.fields;
    expect(message && describeMessage(message)).toBe(text);
  });

  it('lets nothing into a terminal that is more than text, and nothing long', () => {
    const text = describeMessage({ type: 'helo', text: `\u001b[2J\u009b${'x'.repeat(500)}` });
    expect(text).toMatch(/^helo ·\[2J·x+ …$/);
    expect(text.length).toBeLessThan(220);
  });
});
