import fc from 'fast-check';
import { createHash } from 'node:crypto';
import type { Socket } from 'node:net';
import { remote, compose, observe, on, replaceBody } from 'rxmilter';
import { MtaConnection, deliver, filterEnd, type MtaEvent } from 'rxmilter/mta';
import { describe, expect, it } from 'vitest';

import { commandCodec } from '../../../src/transport/wire/commands.js';
import { decodeText } from '../../../src/transport/wire/text.js';
import { eventually } from '../../docs/support/eventually.js';
import { replyFrame } from '../../support/scripted-milter.js';
import { frames } from '../../support/vectors.js';
import { scripted, served } from '../support/milters.js';

const FIVE_MB = 5 * 1024 * 1024;
const SEEN = Buffer.from('seen:\r\n');

/** Bytes that a string of the protocol can hold. */
const bytes = fc
  .uint8Array({ minLength: 0, maxLength: 40 })
  .map((array) => Buffer.from(array.map((byte) => (byte === 0 ? 1 : byte))));
const field = bytes.map((raw) => ({ raw, text: decodeText(raw, 0, raw.length) }));
const message = fc.record({
  host: field,
  helo: field,
  sender: field,
  recipients: fc.array(field, { minLength: 1, maxLength: 3 }),
  headers: fc.array(field, { maxLength: 5 }),
  body: fc.array(fc.uint8Array({ minLength: 1, maxLength: 100 }), { maxLength: 3 }),
});

function hash(...pieces: readonly Uint8Array[]): string {
  const sum = createHash('sha256');
  for (const piece of pieces) sum.update(piece);
  return sum.digest('hex');
}

describe('the bytes that pass through remote()', () => {
  it('are those that came, whatever they are: envelope, headers and body', async () => {
    await fc.assert(
      fc.asyncProperty(message, async ({ host, helo, sender, recipients, headers, body }) => {
        const milter = await scripted();
        const client = { family: 'inet', port: 25, address: '192.0.2.1' } as const;
        const events: MtaEvent[] = [
          { type: 'connect', host: host.text, raw: host.raw, ...client },
          { type: 'helo', ...helo },
          { type: 'mail', address: sender.text, raw: sender.raw, args: ['SIZE=1'] },
          ...recipients.map(({ text, raw }) => ({ type: 'rcpt', address: text, raw, args: [] }) as const),
          { type: 'data' },
          ...headers.map(({ text, raw }) => ({ type: 'header', name: 'X', value: text, raw }) as const),
          { type: 'eoh' },
          ...body.map((data) => ({ type: 'body', data: Buffer.from(data) }) as const),
          { type: 'eom', data: Buffer.alloc(0) },
        ];
        const mta = await MtaConnection.open(remote(milter.address));
        for (const event of events) await mta.ask(event);
        mta.destroy();
        expect(milter.frames.slice(1, 1 + events.length)).toEqual(
          events.map((event) => commandCodec.encode(event).toString('hex')),
        );
        await milter[Symbol.asyncDispose]();
      }),
      { numRuns: 25 },
    );
  });

  it('come back as the milter wrote them', async () => {
    const value = Buffer.from([0xfc, 0x20, 0x80, 0xff, 0x0a, 0x09, 0xc3]).toString('latin1');
    const milter = await scripted({
      E: [
        replyFrame('h', `X-Raw\0${value}\0`),
        replyFrame('b', '\0\xff\r\n'),
        replyFrame('q', 'gr\xfcn\0'),
        'R03',
      ],
    });
    const { headers, body, modifications } = await deliver(
      { sender: 'a@b.test', recipients: ['c@d.test'], headers: [['Subject', 'x']] },
      { to: remote(milter.address), session: { leadingSpace: true } },
    );
    // The milter had not agreed to write the blank itself.
    expect(headers.at(-1)?.raw.toString('latin1')).toBe(` ${value}`);
    expect(body.toString('latin1')).toBe('\0\xff\r\n');
    const held = modifications.find(({ type }) => type === 'quarantine');
    expect(held).toMatchObject({ raw: Buffer.from('gr\xfcn', 'latin1') });
  });

  it('may be a body of five megabytes, in both directions', async () => {
    const body = Buffer.concat(
      Array.from({ length: 90_000 }, (_none, at) => Buffer.from(`line ${at} ${'x'.repeat(50)}\r\n`)),
    );
    expect(body.length).toBeGreaterThan(FIVE_MB);
    const pieces: Buffer[] = [];
    const { address } = await served(
      compose(
        observe('body', ({ chunk }) => void pieces.push(Buffer.from(chunk))),
        on('eom', () => replaceBody(Buffer.concat([SEEN, ...pieces]))),
      ),
    );
    const sent = { sender: 'a@b.test', recipients: ['c@d.test'], body };
    const delivery = await deliver(sent, { to: remote(address) });
    expect(delivery.outcome).toBe('delivered');
    expect(hash(...pieces)).toBe(hash(body));
    expect(hash(delivery.body)).toBe(hash(SEEN, body));
  });

  it('wait for a milter that does not read, and are not gathered meanwhile', async () => {
    let socket: Socket | undefined;
    let taken = 0;
    const milter = await scripted({
      O: 'R34',
      ...{ C: '', H: '', M: '', R: '', T: '', L: '', N: '' },
      B: (from, data) => {
        taken += data.length;
        if (socket === undefined) (socket = from).pause();
      },
    });
    const stream = filterEnd(remote(milter.address)).resume();
    for (const frame of ['C01', 'C03', 'C12', 'C16']) stream.write(frames(frame));
    const chunk = commandCodec.encode({ type: 'body', data: Buffer.alloc(65_535, 'x') });
    let written = 0;
    const flood = (): void => {
      while (written < 20 * FIVE_MB && stream.write(chunk)) written += 65_535;
    };
    stream.on('drain', flood);
    flood();
    await eventually('the MTA has to wait', () => socket !== undefined && stream.writableNeedDrain);
    const before = written;
    expect(before).toBeLessThan(20 * FIVE_MB);
    socket?.resume();
    await eventually('it goes on', () => taken > before);
    stream.destroy();
  });
});
