import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { addHeader, compose, observe, on, perMessage, replaceBody, type BodySource } from 'rxmilter';
import { expect, test } from 'vitest';

import { describeMtas } from '../support/describe-mtas.js';

const SIZE = 5_000_000;

/** A body of lines with every byte that a line may have, many of which begin with a dot; the same on every run. */
function largeBody(seed: number): Buffer {
  const bytes = Buffer.alloc(SIZE);
  let state = seed;
  for (let at = 0; at < SIZE; at++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    const byte = state >>> 24;
    bytes[at] = byte === 10 || byte === 13 ? 46 : byte;
  }
  for (let at = 0; at + 1 < SIZE; at += 80) bytes.write(at % 3 === 0 ? '\r\n.' : '\r\n', at, 'latin1');
  bytes.write('\r\n', SIZE - 2, 'latin1');
  return bytes;
}

/** Pieces of uneven sizes, none of which has to do with lines or frames. */
function* cut(bytes: Buffer): Generator<Buffer> {
  for (let at = 0, size = 1; at < bytes.length; at += size, size = ((size * 7) % 200_003) + 1) {
    yield bytes.subarray(at, at + size);
  }
}

async function* slowly(pieces: Iterable<Buffer>): AsyncGenerator<Buffer> {
  for (const piece of pieces) yield await new Promise<Buffer>((resolve) => setImmediate(resolve, piece));
}

function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Compares without printing megabytes. */
function expectSame(actual: Uint8Array, expected: Uint8Array): void {
  expect({ length: actual.length, digest: digest(actual) }).toEqual({
    length: expected.length,
    digest: digest(expected),
  });
}

describeMtas('bodies of megabytes', (bench) => {
  const SOURCES: readonly (readonly [string, (body: Buffer) => BodySource])[] = [
    ['bytes', (body) => body],
    ['a generator', cut],
    ['an async generator', (body) => slowly(cut(body))],
    ['a Node stream', (body) => Readable.from(cut(body), { objectMode: false })],
  ];

  test.each(SOURCES)('replaced by %s', async (_name, source) => {
    const body = largeBody(1);
    await bench().serve(on('eom', () => [addHeader('X-Replaced', 'yes'), replaceBody(source(body))]));
    const client = await bench().greeted();
    expect(await client.deliver({ data: 'Subject: short\r\n\r\nThe body.\r\n' })).toMatch(/^250 /);

    const { data } = await bench().sink.next();
    const headers = data.subarray(0, data.indexOf('\r\n\r\n') + 4);
    expect(headers.toString()).toContain('Subject: short\r\nX-Replaced: yes\r\n\r\n');
    expectSame(data.subarray(headers.length), body);
  });

  test('replaced by another of the same size', async () => {
    const body = largeBody(3);
    await bench().serve(on('eom', () => replaceBody(slowly(cut(body)))));
    const client = await bench().greeted();
    const data = Buffer.concat([Buffer.from('Subject: long\r\n\r\n'), largeBody(2)]);
    expect(await client.deliver({ data })).toMatch(/^250 /);

    expectSame((await bench().sink.next()).data.subarray(-SIZE), body);
  });

  test('looked at and hashed', async () => {
    const body = largeBody(4);
    await bench().serve(
      perMessage(() => {
        const hash = createHash('sha256');
        return compose(
          observe('body', ({ chunk }) => void hash.update(chunk)),
          on('eom', () => addHeader('X-Digest', hash.digest('hex'))),
        );
      }),
    );
    const client = await bench().greeted();
    const data = Buffer.concat([Buffer.from('Subject: long\r\n\r\n'), body]);
    expect(await client.deliver({ data })).toMatch(/^250 /);

    const delivered = (await bench().sink.next()).data;
    expect(delivered.subarray(0, 1000).toString('latin1')).toContain(`X-Digest: ${digest(body)}\r\n`);
    expectSame(delivered.subarray(-SIZE), body);
  });

  test('looked at chunk by chunk, with an answer to each', async () => {
    const body = largeBody(5);
    const chunks: Uint8Array[] = [];
    await bench().serve(
      on('body', async ({ chunk }) => {
        await Promise.resolve();
        chunks.push(Buffer.from(chunk));
      }),
    );
    const client = await bench().greeted();
    const data = Buffer.concat([Buffer.from('Subject: long\r\n\r\n'), body]);
    expect(await client.deliver({ data })).toMatch(/^250 /);

    expectSame(Buffer.concat(chunks), body);
    expectSame((await bench().sink.next()).data.subarray(-SIZE), body);
  });
});
