import fc from 'fast-check';
import { ProtocolError, addHeader, on, compose, reject, serve, type MilterServer } from 'rxmilter';
import { describe, expect, it, onTestFinished } from 'vitest';

import { frame, optneg, said } from '../support/session-frames.js';
import { socketMta, type SocketMta } from '../support/session-mta.js';
import { anyStream, type Stream } from './support/any-bytes.js';
import { FUZZ_TIMEOUT, fuzz } from './support/fuzz.js';
import { withoutLooseEnds } from './support/loose-ends.js';

const OFFER = optneg(6, 0x1ff, 0);
const CONTINUE = frame('c');

/** A filter of which it is known what it answers, now and later. */
const filter = compose(
  on('rcpt', ({ address }) => (address.startsWith('x') ? reject('100%') : undefined)),
  on(['header', 'body'], () => Promise.resolve(undefined)),
  on('eom', async ({ session }) => {
    await Promise.resolve();
    return addHeader('X-Client', session.client.host.replaceAll(/[^a-z]/g, ''));
  }),
);

/** A message, and that every answer is what it would be if nobody else were there. */
async function message(mta: SocketMta): Promise<void> {
  for (const [letter, data] of ['M<a@b>\0', 'R<c@d>\0', 'T', 'LSubject\0x\0', 'N', 'Bbody\r\n'].map((one) => [
    one.slice(0, 1),
    one.slice(1),
  ])) {
    expect(await mta.ask(frame(letter ?? '', data))).toEqual(said(CONTINUE));
  }
  expect(await mta.ask(frame('R', '<v@y>\0'))).toEqual(said(CONTINUE));
  expect(await mta.ask(frame('R', 'x@y\0'))).toEqual(said(frame('y', '550 5.7.1 100%%\0')));
  mta.send(frame('E'));
  expect(await mta.hears(2)).toEqual(said(frame('h', 'X-Client\0healthy\0'), CONTINUE));
}

/** Says all that to the server, and waits until it has had enough or has seen the end. */
async function disturb(server: MilterServer, { chunks }: Stream, negotiated: boolean): Promise<void> {
  const mta = await socketMta(server.address);
  if (negotiated) mta.send(OFFER);
  for (const chunk of chunks) {
    mta.socket.write(chunk);
    await new Promise((resolve) => setImmediate(resolve));
  }
  mta.socket.end();
  await mta.closed;
}

describe('A connection beside others that are sent anything', () => {
  it('does not notice', { timeout: FUZZ_TIMEOUT }, async () => {
    const errors: { error: Error; session: string }[] = [];
    const server = await serve(filter, {
      listen: 'inet:0@127.0.0.1',
      onError: (error, { session }) => errors.push({ error, session: session.id }),
    });
    onTestFinished(() => server.destroy());
    const healthy = await socketMta(server.address);
    await healthy.ask(OFFER);
    await healthy.ask(frame('C', 'healthy\0U'));
    const others = fc.array(fc.tuple(anyStream, fc.boolean()), { minLength: 1, maxLength: 4 });
    await withoutLooseEnds(() =>
      fuzz(80, others, async (streams) => {
        errors.length = 0;
        await Promise.all([
          message(healthy),
          ...streams.map(([stream, negotiated]) => disturb(server, stream, negotiated)),
        ]);
        await message(healthy);
        for (const { error } of errors) expect(error).toBeInstanceOf(ProtocolError);
        expect(errors.length).toBeLessThanOrEqual(streams.length);
      }),
    );
  });
});
