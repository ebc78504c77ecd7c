import { on, serve, ProtocolError } from 'rxmilter';
import { expect, it } from 'vitest';

import { said } from '../support/session-frames.js';
import { socketMta } from '../support/session-mta.js';
import { MALFORMED_VECTORS, ODD_VECTORS, hex } from '../support/vectors.js';

const FROM_MTA = MALFORMED_VECTORS.filter(({ from }) => from === 'mta');
/** Bytes of the offer that goes before. */
const OFFER = 17;

const bytesOfVector = ({ bytes, zeros = 0 }: { bytes: string; zeros?: number }): Buffer =>
  Buffer.concat([hex(bytes), Buffer.alloc(zeros)]);

it.each(FROM_MTA)(
  '$id ($what) closes its connection, is reported, and nobody else is the worse for it',
  async (vector) => {
    const errors: Error[] = [];
    await using server = await serve(
      on(['connect', 'mail', 'header'], () => undefined),
      {
        listen: { port: 0, host: '127.0.0.1' },
        onError: (error) => void errors.push(error),
      },
    );
    const good = await socketMta(server.address);
    await good.ask('C01');
    const bad = await socketMta(server.address);
    const isOffer = vector.command === 'O';
    if (!isOffer) expect(await bad.ask('C01')).toHaveLength(1);
    bad.send(bytesOfVector(vector));
    expect(await bad.rest()).toEqual([]);
    expect(errors).toEqual([expect.any(ProtocolError)]);
    expect(errors[0]).toMatchObject({
      command: vector.command,
      offset: isOffer ? 0 : OFFER,
      reason: expect.stringMatching(vector.reason),
    });
    expect(await good.ask('C03')).toEqual(said('R03'));
    expect(await good.ask('C19')).toEqual(said('R03'));
    bad.socket.destroy();
    good.socket.destroy();
  },
);

it.each(FROM_MTA.filter(({ command }) => command !== 'O'))(
  '$id ($what) in the middle of a message, behind frames that are in order',
  async (vector) => {
    const errors: Error[] = [];
    await using server = await serve(
      on(['mail', 'rcpt'], () => undefined),
      {
        listen: { port: 0, host: '127.0.0.1' },
        onError: (error) => void errors.push(error),
      },
    );
    const mta = await socketMta(server.address);
    mta.send('C01', 'C11', 'C12', 'C16', bytesOfVector(vector), 'C16', 'C26');
    const heard = await mta.rest();
    expect(heard.slice(1)).toEqual(said('R03', 'R03'));
    expect(errors).toEqual([expect.any(ProtocolError)]);
    expect(errors[0]).toMatchObject({ command: vector.command, offset: OFFER + 41 + 49 + 36 });
  },
);

it('X20 (offer of version 1) closes its connection without a reply', async () => {
  const errors: Error[] = [];
  await using server = await serve(
    on('mail', () => undefined),
    {
      listen: { port: 0, host: '127.0.0.1' },
      onError: (error) => void errors.push(error),
    },
  );
  const mta = await socketMta(server.address);
  mta.send(hex(ODD_VECTORS.find(({ id }) => id === 'X20')?.bytes ?? ''));
  expect(await mta.rest()).toEqual([]);
  expect(errors).toEqual([expect.objectContaining({ name: 'NegotiationError' })]);
});

it.each(ODD_VECTORS.filter(({ id }) => ['X15', 'X17', 'X18', 'X19'].includes(id)))(
  '$id ($what) is no reason to lose mail',
  async ({ bytes, fields }) => {
    await using server = await serve(
      on(['mail', 'body'], () => undefined),
      {
        listen: { port: 0, host: '127.0.0.1' },
        onError: (error) => expect.unreachable(error.message),
      },
    );
    const mta = await socketMta(server.address);
    await mta.ask('C01');
    if (fields.type === 'body') expect(await mta.ask(hex(bytes))).toEqual(said('R03'));
    else mta.send(hex(bytes));
    expect(await mta.ask('C12')).toEqual(said('R03'));
    mta.send('C29');
    expect(await mta.rest()).toEqual([]);
  },
);

it.each([
  ['X21', '0000000d4f00000006'],
  ['X22', '0000000d4f00000002' + '0000000f' + '00000000'],
])('%s is answered', async (id, beginning) => {
  await using server = await serve(
    on('eom', () => undefined),
    { listen: { port: 0, host: '127.0.0.1' } },
  );
  const mta = await socketMta(server.address);
  const [heard] = await mta.ask(hex(ODD_VECTORS.find((vector) => vector.id === id)?.bytes ?? ''));
  expect(heard?.slice(0, beginning.length)).toBe(beginning);
  mta.send('C29');
  await mta.closed;
});

it('a length that only announces much makes nobody allocate much', async () => {
  await using server = await serve(
    on('mail', () => undefined),
    {
      listen: { port: 0, host: '127.0.0.1' },
      onError: () => undefined,
    },
  );
  const before = process.memoryUsage().arrayBuffers;
  const mtas = await Promise.all(Array.from({ length: 20 }, () => socketMta(server.address)));
  for (const mta of mtas) mta.send(hex('ffffffff'));
  await Promise.all(mtas.map((mta) => mta.closed));
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(50_000_000);
});
