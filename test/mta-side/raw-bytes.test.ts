import fc from 'fast-check';
import { connect, type Socket } from 'node:net';
import { compose, observe, on, allow, serve, type MilterServer } from 'rxmilter';
import { deliver } from 'rxmilter/mta';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { parseEndpoint } from '../../src/transport/sockets/endpoint.js';
import { MALFORMED_VECTORS, ODD_VECTORS, frames, hex } from '../support/vectors.js';

const MAIL = { sender: 'a@example.com', recipients: ['b@example.org'], body: 'x\n' };

let server: MilterServer;
let errors = 0;
beforeAll(async () => {
  const filter = compose(
    on(['connect', 'helo', 'mail', 'rcpt', 'data', 'header', 'eoh', 'body', 'eom', 'unknown'], () => allow()),
    observe(['abort', 'close'], () => undefined),
  );
  server = await serve(filter, { listen: 'inet:0@127.0.0.1', onError: () => errors++ });
});
afterAll(() => server.close());

interface Raw {
  readonly socket: Socket;
  /** What the milter has said so far. */
  readonly said: () => string;
  readonly closed: Promise<void>;
}

function open(): Raw {
  const endpoint = parseEndpoint(server.address);
  if (endpoint.family === 'unix') throw new Error('It listens on a port.');
  const socket = connect(endpoint.port, endpoint.host);
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.on('error', () => undefined);
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  return { socket, said: () => Buffer.concat(chunks).toString('hex'), closed };
}

/** The letters of the frames. */
function letters(bytes: string): string {
  const buffer = Buffer.from(bytes, 'hex');
  let text = '';
  for (let at = 0; at + 4 < buffer.length; at += 4 + buffer.readUInt32BE(at))
    text += buffer.toString('latin1', at + 4, at + 5);
  return text;
}

describe('a served filter', () => {
  it.each(MALFORMED_VECTORS.filter(({ from }) => from === 'mta'))(
    '$id $what: ends the connection without a word',
    async ({ id, bytes, zeros = 0 }) => {
      const { socket, said, closed } = open();
      const offer = id === 'X12' ? Buffer.alloc(0) : frames('C01');
      socket.write(Buffer.concat([offer, hex(bytes), Buffer.alloc(zeros)]));
      await closed;
      expect(letters(said())).toBe(id === 'X12' ? '' : 'O');
      expect((await deliver(MAIL, { to: server.address })).outcome).toBe('delivered');
    },
  );

  it.each(ODD_VECTORS.filter(({ fields }) => fields.type !== 'optneg'))(
    '$id $what: goes on',
    async ({ bytes, fields }) => {
      const { socket, said, closed } = open();
      socket.write(Buffer.concat([frames('C01', 'C03', 'C12', 'C16'), hex(bytes), frames('C26', 'C29')]));
      await closed;
      expect(letters(said())).toBe(fields.type === 'body' ? 'Occccc' : 'Occcc');
    },
  );

  it.each([
    ['X20', '', 'of version 1: hangs up'],
    ['X21', '0000000d4f00000006', 'of version 7: answers 6'],
    ['X22', '0000000d4f000000020000000f00000000', 'of nothing: takes it as what there was at first'],
  ])('offered %s, says %j', async (id, said) => {
    const raw = open();
    raw.socket.write(hex(ODD_VECTORS.find((one) => one.id === id)?.bytes ?? ''));
    if (said === '') await raw.closed;
    else await expect.poll(raw.said).toMatch(new RegExp(`^${said}`));
    raw.socket.destroy();
    expect(raw.said().startsWith(said)).toBe(true);
  });

  it('outlives anything that is sent to it', async () => {
    const ids = [
      'C01',
      'C08',
      'C03',
      'C34',
      'C10',
      'C11',
      'C12',
      'C16',
      'C18',
      'C20',
      'C24',
      'C25',
      'C26',
      'C28',
      'C29',
      'C30',
      'C31',
    ];
    const whole = fc.array(fc.constantFrom(...ids), { maxLength: 12 }).map((some) => frames('C01', ...some));
    const damaged = fc
      .tuple(whole, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 3 }))
      .map(([bytes, damages]) => {
        for (const [at, byte] of damages) bytes[at % bytes.length] = byte;
        return bytes;
      });
    await fc.assert(
      fc.asyncProperty(damaged, fc.boolean(), async (bytes, abrupt) => {
        const { socket, closed } = open();
        socket.write(bytes);
        if (abrupt) setTimeout(() => socket.resetAndDestroy(), 2);
        else socket.end();
        await closed;
      }),
      { numRuns: 200 },
    );
    expect((await deliver(MAIL, { to: server.address })).outcome).toBe('delivered');
    expect(errors).toBeGreaterThan(0);
  });
});
