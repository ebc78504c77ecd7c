import {
  listen,
  compose,
  observe,
  on,
  AnswerError,
  addHeader,
  replaceBody,
  type SessionOptions,
} from 'rxmilter';
import { describe, expect, it } from 'vitest';

import { frame, optneg, said } from '../support/session-frames.js';
import { type Link, link } from '../support/session-link.js';

const K256 = 0x10000000;
const M1 = 0x20000000;
/** What is agreed to: the flag and the number of data bytes. */
const SIZES = [
  ['256 KiB', K256, 262_143],
  ['1 MiB', M1, 1_048_575],
] as const;

const LARGEST: SessionOptions = { maxDataSize: 1_048_575 };

function offered(bits: number, version = 6): Buffer {
  return optneg(version, 0x1ff, 0x1fffff | bits);
}

/** The internal bits of the answer. */
function agreed(mta: Link, offer: Buffer): number {
  const [answer = ''] = mta.ask(offer);
  return Number.parseInt(answer.slice(-8), 16) & 0xf0000000;
}

const nothing = compose();

describe('a larger size of frames', () => {
  it.each<[string, number, SessionOptions, number]>([
    ['none where none is asked for, whatever is offered', K256 | M1, {}, 0],
    ['256 KiB where that is offered', K256, LARGEST, K256],
    ['1 MiB where that is offered', M1, LARGEST, M1],
    ['the larger one of two, and only one', K256 | M1, LARGEST, M1],
    ['no more than is wanted', K256 | M1, { maxDataSize: 262143 }, K256],
    ['none where what is offered is too much', M1, { maxDataSize: 262143 }, 0],
    ['none where none is wanted', K256 | M1, { maxDataSize: 65535 }, 0],
    ['none where none is offered', 0, LARGEST, 0],
    ['none of the other internal bits', 0xc0000000, LARGEST, 0],
    ['none where less than version 6 is agreed to', M1, { ...LARGEST, version: 4 }, 0],
  ])('is %s', (_what, bits, options, answer) => {
    expect(agreed(link(nothing, options), offered(bits))).toBe(answer);
  });

  it('is none for an MTA of an older version', () => {
    expect(agreed(link(nothing, LARGEST), offered(M1, 4))).toBe(0);
  });

  it.each([65536, 0, 1])('is an error where it is none: %i', (size) => {
    expect(() => listen('inet:0@127.0.0.1', { maxDataSize: size as 65535 })).toThrow(
      new RangeError(`listen(): maxDataSize is ${size}; it has to be one of 65535, 262143, 1048575.`),
    );
  });

  it.each(SIZES)('of %s is read up to its last byte, and not beyond', (_name, bit, size) => {
    const seen: number[] = [];
    const filter = observe('header', ({ raw }) => void seen.push(raw.length));
    const mta = link(filter, LARGEST);
    mta.ask(offered(bit));
    const header = (length: number): Buffer => frame('L', `X\0${'y'.repeat(length - 3)}\0`);
    mta.send(header(size), 'C19');
    expect([seen, mta.errors]).toEqual([[size - 3, 5], []]);
    mta.send(header(size + 1));
    expect(mta.errors.map(({ message }) => message)).toEqual([
      expect.stringContaining(`its length is ${size + 2}, and ${size + 1} is the limit`),
    ]);
    expect(mta.completed).toBe(true);
  });

  it.each(SIZES)('of %s may come in one chunk of the body', (_name, bit, size) => {
    let seen = 0;
    const filter = observe('body', ({ chunk }) => void (seen += chunk.length));
    const mta = link(filter, LARGEST);
    mta.ask(offered(bit));
    mta.send(frame('B', Buffer.alloc(size, 'x')));
    expect(seen).toBe(size);
  });

  it.each([['the usual size', 0, 65_535] as const, ...SIZES])(
    'is the limit of a header that is added: %s',
    (_name, bit, size) => {
      let length = size - 4;
      const mta = link(
        on('eom', () => addHeader('XY', 'v'.repeat(length))),
        LARGEST,
      );
      mta.ask(offered(bit));
      expect(mta.ask('C26')).toEqual(said(frame('h', `XY\0${'v'.repeat(length)}\0`), 'R03'));
      length++;
      expect(mta.ask('C26')).toEqual(said('R06'));
      expect(mta.errors).toEqual([expect.any(AnswerError)]);
      expect(mta.errors[0]?.message).toMatch(
        `addHeader XY: ${size + 1} bytes; ${size} is the limit on this connection. (at data-size.test.ts:`,
      );
    },
  );

  it('does not make the frames of a new body larger than any MTA takes', () => {
    const mta = link(
      on('eom', () => replaceBody(Buffer.alloc(200_000, 'x'))),
      LARGEST,
    );
    mta.ask(offered(M1));
    const frames = mta.ask('C26').map((one) => one.length / 2 - 5);
    expect(frames).toEqual([65_535, 65_535, 65_535, 3395, 0]);
  });
});
