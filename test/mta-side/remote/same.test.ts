import { remote, SMFIP } from 'rxmilter';
import { deliver, type ClientMail, type Delivery } from 'rxmilter/mta';
import { describe, expect, it } from 'vitest';

import { optnegAnswer, replyFrame, type Script } from '../../support/scripted-milter.js';
import { scripted } from '../support/milters.js';

const MAIL: ClientMail = {
  sender: { address: 'alice@example.com', args: ['SIZE=1234', 'BODY=8BITMIME'] },
  recipients: ['bob@example.org', 'carl@example.org'],
  headers: [
    ['Subject', 'hello'],
    ['X-Spam', 'one'],
    ['X-Spam', 'two'],
    ['X-Folded', 'one\n two'],
  ],
  body: 'Hello.\n'.repeat(20_000),
  client: { host: 'mail.example.com', address: '192.0.2.7', port: 40_000 },
};

/** Every header that a milter inserts: its position in four bytes, its name, its value. */
const insert = (index: number, name: string): string =>
  replyFrame('i', `${String.fromCharCode(0, 0, index >> 8, index & 255)}${name}\0 ${name}\0`);
const add = (name: string): string => replyFrame('h', `${name}\0 ${name}\0`);

const SCRIPTS: readonly [string, Script][] = [
  ['that has nothing to say', {}],
  ['that accepts a client', { C: 'R04' }],
  ['that accepts a greeting', { H: 'R04' }],
  ['that accepts a sender', { M: 'R04' }],
  ['that accepts at the end of the headers', { N: 'R04' }],
  ['that accepts in the end, with a header', { E: ['R16', 'R04'] }],
  ['that refuses a client', { C: 'R05' }],
  ['that puts off a greeting', { H: 'R06' }],
  ['that refuses a sender in its own words', { M: 'R10' }],
  ['that refuses a recipient', { R: (socket, _data, count) => socket.write(hexOf(count === 1 ? 'R' : 'C')) }],
  ['that refuses all recipients', { R: 'R12' }],
  ['that refuses in three lines', { T: 'R11' }],
  ['that refuses in two lines', { L: 'R37' }],
  ['that refuses without an enhanced code', { N: 'R36' }],
  ['that ends the SMTP session', { M: 'R13' }],
  ['that shuts down', { R: 'R15' }],
  ['that discards a message by its sender', { M: 'R07' }],
  ['that discards a message by a recipient', { R: 'R07' }],
  ['that discards a message in the end', { E: 'R07' }],
  ['that discards where there is no message', { C: 'R07', H: 'R07' }],
  ['that has seen enough of the body', { O: optnegAnswer(SMFIP.SKIP | SMFIP.HDR_LEADSPC), B: 'R08' }],
  ['that wants no events', { O: 'R33' }],
  ['that replies to nothing but the end', { O: 'R34', ...quiet() }],
  ['that speaks version 2', { O: 'R35' }],
  ['that shows signs of life', { E: ['R09', 'R09', 'R16', 'R09', 'R03'] }],
  ['that changes and deletes headers', { E: ['R21', 'R22', 'R38', 'R03'] }],
  ['that changes recipients and sender', { E: ['R23', 'R24', 'R25', 'R26', 'R27', 'R03'] }],
  ['that replaces the body', { E: [body('one\r\n'), body('two'), 'R03'] }],
  ['that empties the body', { E: ['R31', 'R03'] }],
  ['that holds the message', { E: ['R32', 'R03'] }],
  ['that refuses, having changed it', { E: ['R16', 'R32', 'R05'] }],
  [
    'that wants a choice of macros',
    { O: replyFrame('O', '\0\0\0\x06\0\0\x01\0\0\0\0\0\0\0\0\0v j\0\0\0\0\x05i\0') },
  ],
  ['that folds a new header', { E: ['R18', 'R03'] }],
  ['that inserts at the top, three in a row', { E: [insert(0, 'A'), insert(0, 'B'), insert(0, 'C'), 'R03'] }],
  ['that inserts one below the other', { E: [insert(0, 'A'), insert(1, 'B'), insert(2, 'C'), 'R03'] }],
  [
    'that inserts at one place, three in a row',
    { E: [insert(1, 'A'), insert(1, 'B'), insert(1, 'C'), 'R03'] },
  ],
  [
    'that inserts here and there',
    { E: [insert(3, 'A'), insert(2, 'B'), insert(5, 'C'), insert(0, 'D'), 'R03'] },
  ],
  [
    'that inserts and adds',
    { E: [add('A'), insert(5, 'B'), insert(999, 'C'), add('D'), insert(6, 'E'), 'R03'] },
  ],
];

function hexOf(which: 'R' | 'C'): Buffer {
  return Buffer.from(which === 'R' ? '0000000172' : '0000000163', 'hex');
}

function quiet(): Script {
  return { C: '', H: '', M: '', R: '', T: '', L: '', N: '', B: '' };
}

function body(text: string): string {
  return replyFrame('b', text);
}

/** All that can be compared: what is different each time, the MTA's own header, is left out. */
function comparable({
  headers,
  message: _message,
  agreement: _agreement,
  transcript: _transcript,
  // The library's own answers are rounds, too.
  rounds: _rounds,
  ...rest
}: Delivery): object {
  const own = headers.findIndex(({ name }) => name === 'Received');
  return {
    ...rest,
    above: headers.slice(0, own),
    below: headers.slice(own + 1),
    reply: withoutId(rest.reply),
    steps: rest.steps.map((step) => ({ ...step, reply: withoutId(step.reply) })),
    // Of a refused message we say none.
    modifications: rest.outcome === 'refused' ? undefined : rest.modifications.length > 0,
    body: rest.body.toString('latin1'),
  };
}

function withoutId(reply: Delivery['reply']): Delivery['reply'] {
  return { ...reply, lines: reply.lines.map((line) => line.replace(/queued as .*/, 'queued')) };
}

function withoutEnd(heard: string): string {
  return heard.replace(/A*Q?$/, '');
}

/** The frames but for the offer and what comes after the message, by their letters. */
function eventsIn(frames: readonly string[]): readonly string[] {
  return frames.filter((frame) => !['4f', '41', '51'].includes(frame.slice(8, 10)));
}

/** Queue ids are numbered; they stand in the frames as hexadecimal. */
function withoutQueueId(frame: string): string {
  return Buffer.from(frame, 'hex')
    .toString('latin1')
    .replace(/\0(?=[0-9A-Z]{10}\0)[0-9A-Z]{10}/, '\0QUEUE-ID');
}

describe('a milter behind remote()', () => {
  it.each(SCRIPTS)('%s does to a message what it does to it alone', async (_name, script) => {
    const [alone, behind] = [await scripted(script), await scripted(script)];
    const options = { hostname: 'mx.example.org', session: { leadingSpace: true } };
    const direct = await deliver(MAIL, { ...options, to: alone.address });
    const through = await deliver(MAIL, { ...options, to: remote(behind.address) });
    expect(direct.failure).toBeUndefined();
    expect(comparable(through)).toEqual(comparable(direct));
    // How it ends is for other tests: the one whom it is told does not wait for it.
    expect(behind.heard.map(withoutEnd)).toEqual(alone.heard.map(withoutEnd));
    expect(eventsIn(behind.frames)).toEqual(eventsIn(alone.frames));
    expect(behind.macros.map(withoutQueueId)).toEqual(alone.macros.map(withoutQueueId));
  });
});
