import { tap, type OperatorFunction } from 'rxjs';
import {
  addHeader,
  compose,
  observe,
  on,
  onMessage,
  perMessage,
  when,
  type Filter,
  type Flow,
  type Message,
} from 'rxmilter';
import { describe, expect, it, vi } from 'vitest';

import { bytesOf, frame } from '../support/session-frames.js';
import { lend, opened } from '../support/session-link.js';

const ENVELOPE = [frame('M', '<a@b.test>\0'), frame('R', '<c@d.test>\0'), frame('L', 'Subject\0hi\0')];
const PIECES = ['one ', 'two, of more bytes ', 'three\r\n', 'x'.repeat(10_000)];
const BODY = PIECES.join('');
const STALWART = frame('D', 'C{daemon_name}\0Stalwart v0.16.2\0');
const CONNECT = frame('C', 'host\x004\x00\x19192.0.2.1\0');

type Cut = (bytes: Buffer) => readonly Buffer[];

/** How the bytes of a message are cut into reads. */
const CUTS: readonly (readonly [string, Cut])[] = [
  ['in one read', (bytes) => [bytes]],
  ['each frame in a read', framesOf],
  ['in reads of 7 bytes', (bytes) => pieces(bytes, 7)],
  ['in reads of 5000 bytes', (bytes) => pieces(bytes, 5000)],
];

function pieces(bytes: Buffer, size: number): Buffer[] {
  const all: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += size) all.push(bytes.subarray(at, at + size));
  return all;
}

function framesOf(bytes: Buffer): Buffer[] {
  const all: Buffer[] = [];
  for (let at = 0; at < bytes.length; at = at + 4 + bytes.readUInt32BE(at))
    all.push(bytes.subarray(at, at + 4 + bytes.readUInt32BE(at)));
  return all;
}

/** Sends a message in reads whose bytes are others afterwards, and waits for the answer to its end. */
async function message(
  filter: OperatorFunction<Flow, Flow>,
  cut: Cut,
  first: readonly Buffer[] = [],
  before = '',
): Promise<void> {
  const link = opened(filter);
  const bodies = [before, ...PIECES].filter((piece) => piece !== '').map((piece) => frame('B', piece));
  for (const chunk of cut(bytesOf(...first, ...ENVELOPE, frame('N'), ...bodies, frame('E')))) {
    lend(link.connection, chunk);
    // A piece that is written to a file has the next ones wait.
    await new Promise(setImmediate);
  }
  await vi.waitFor(() => expect(link.outcomes.map(({ stage }) => stage)).toContain('eom'));
  expect(link.errors).toEqual([]);
}

it('goes on reading while a filter that reads no body decides, so that an abort cancels it', () => {
  let cancelled = false;
  const link = opened(
    on('rcpt', (_rcpt, { signal }) => {
      signal.addEventListener('abort', () => (cancelled = true));
      return new Promise<undefined>(() => undefined);
    }),
  );
  link.send(frame('M', '<a@b.test>\0'), frame('R', '<c@d.test>\0'), frame('D', 'Ti\0id\0'));
  expect(link.io.paused).toBe(false);
  link.send(frame('A'));
  expect(cancelled).toBe(true);
});

describe.each(CUTS)('What a filter has of a message that came %s', (_how, cut) => {
  it.each([0, 100, 6_000, 1_000_000])('is the body, collected with %i bytes of memory', async (memory) => {
    const seen: string[] = [];
    const collect = onMessage({ limits: { memory } }, async ({ body, headers }) => {
      seen.push(`${headers.get('Subject')}: ${await body.text()}`);
    });
    await message(collect, cut);
    expect(seen).toEqual([`hi: ${BODY}`]);
  });

  it('is the body, where two filters collect it in files', async () => {
    const seen: string[] = [];
    const collect = (): Filter =>
      onMessage({ limits: { memory: 0 } }, async ({ body }) => {
        seen.push(await body.text());
      });
    await message(compose(collect(), collect()), cut);
    expect(seen).toEqual([BODY, BODY]);
  });

  const keeping: readonly (readonly [
    string,
    (keep: (chunk: Uint8Array) => void) => OperatorFunction<Flow, Flow>,
  ])[] = [
    ['observe()', (keep) => observe('body', (event) => keep(event.chunk))],
    ['on()', (keep) => on('body', (event) => keep(event.chunk))],
    ['perMessage()', (keep) => perMessage(() => observe('body', (event) => keep(event.chunk)))],
    [
      'when()',
      (keep) =>
        when(
          () => true,
          observe('body', (event) => keep(event.chunk)),
        ),
    ],
    [
      'an operator of the user’s',
      (keep) =>
        tap((flow) => {
          if (flow.stage === 'body') keep(flow.chunk);
        }),
    ],
    [
      'observe() beside onMessage()',
      (keep) =>
        compose(
          onMessage((_message: Message) => addHeader('X', '1')),
          observe('body', (event) => keep(event.chunk)),
        ),
    ],
  ];

  it.each(keeping)('are pieces of the body that stay as they are: %s', async (_name, make) => {
    const kept: Uint8Array[] = [];
    await message(
      make((chunk) => {
        kept.push(chunk);
      }),
      cut,
    );
    expect(Buffer.concat(kept).toString()).toBe(BODY);
  });

  it('are the pieces without the header that Stalwart repeats', async () => {
    const kept: Uint8Array[] = [];
    await message(
      observe(['header', 'body'], (event) => {
        if (event.stage === 'body') kept.push(event.chunk);
      }),
      cut,
      [STALWART, CONNECT],
      'Subject: hi\r\n\r\nafter it ',
    );
    expect(Buffer.concat(kept).toString()).toBe(`after it ${BODY}`);
  });
});
