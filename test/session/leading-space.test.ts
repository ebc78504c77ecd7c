import fc from 'fast-check';
import {
  compose,
  observe,
  on,
  type Modification,
  addHeader,
  changeHeader,
  insertHeader,
  type SessionOptions,
} from 'rxmilter';
import { describe, expect, it } from 'vitest';

import { frame, optneg, said } from '../support/session-frames.js';
import { type Link, link } from '../support/session-link.js';
import { latin1 } from '../support/vectors.js';

const VERBATIM: SessionOptions = { leadingSpace: true };
const LEADSPC = 0x100000;

/** A connection whose filter keeps what it sees of headers and then makes these changes. */
function seeing(
  options: SessionOptions,
  change: () => readonly Modification[] = () => [],
): { mta: Link; seen: [string, string][] } {
  const seen: [string, string][] = [];
  const see = ({ value, raw }: { value: string; raw: Uint8Array }): void =>
    void seen.push([value, Buffer.from(raw).toString('latin1')]);
  return { mta: link(compose(observe('header', see), on('eom', change)), options), seen };
}

describe('the leading space', () => {
  it('is asked for only where it is wanted', () => {
    const asked = (options: SessionOptions): boolean => {
      const [answer = ''] = link(
        on('eom', () => undefined),
        options,
      ).ask('C01');
      return (Number.parseInt(answer.slice(-8), 16) & LEADSPC) !== 0;
    };
    expect([asked({}), asked(VERBATIM)]).toEqual([false, true]);
  });

  it('is part of the value where the MTA leaves it there, and the session says so', () => {
    const { mta, seen } = seeing(VERBATIM);
    mta.send('C01', 'C20', frame('L', 'X\0none\0'), frame('L', 'Y\0\tfolded\n  twice\0'));
    expect(seen).toEqual([
      [' Hello', ' Hello'],
      ['none', 'none'],
      ['\tfolded\n  twice', '\tfolded\n  twice'],
    ]);
    expect(mta.session.info.protocol).toContain('HDR_LEADSPC');
  });

  it('is written as the filter writes it where the MTA takes it so', () => {
    const changes = [addHeader('X-Test', ' yes'), changeHeader('A', ' 1'), insertHeader('top', 'B', 'bare')];
    const { mta } = seeing(VERBATIM, () => changes);
    mta.ask('C01');
    expect(mta.ask('C26')).toEqual(
      said(frame('m', '\0\0\0\x01A\0 1\0'), 'R17', frame('i', '\0\0\0\0B\0bare\0'), 'R03'),
    );
  });

  it.each([
    ['version 2', optneg(2, 0x3f, 0x7f)],
    ['version 6 without the flag', optneg(6, 0x1ff, 0x0fffff)],
  ])('is made up where the MTA takes it away: %s', (_what, offer) => {
    const changes = [
      addHeader('X-Test', ' yes'),
      changeHeader('A', latin1(' caf\xe9')),
      addHeader('B', 'bare'),
    ];
    const { mta, seen } = seeing(VERBATIM, () => changes);
    mta.ask(offer);
    mta.send('C19', 'C23');
    mta.heard();
    expect(seen).toEqual([
      [' Hello', ' Hello'],
      [' café', ' caf\xe9'],
    ]);
    expect(mta.ask('C26')).toEqual(said('R16', frame('h', 'A\0caf\xe9\0'), frame('h', 'B\0bare\0'), 'R03'));
    expect(mta.session.info.protocol).not.toContain('HDR_LEADSPC');
  });

  it('alone does not become a deletion where the MTA would add it again', () => {
    const { mta } = seeing(VERBATIM, () => [changeHeader('A', ' '), addHeader('B', ' ')]);
    mta.ask('C02');
    expect(mta.ask('C26')).toEqual(said(frame('m', '\0\0\0\x01A\0 \0'), frame('h', 'B\0\0'), 'R03'));
  });

  it("is the filter's own business where it asks by the negotiate hook", () => {
    const { mta, seen } = seeing({
      negotiate: (_offer, derived) => ({ ...derived, protocol: derived.protocol | LEADSPC }),
    });
    mta.send('C01', 'C20');
    expect(seen).toEqual([[' Hello', ' Hello']]);
  });

  it('makes what goes out again the bytes that came in, whatever they are', () => {
    const line = fc.stringMatching(/^[\x01-\x09\x0b\x0c\x0e-\xff]{0,20}$/);
    // A continuation line of blanks alone is refused.
    const shown = line.filter((text) => /[^\s\x00-\x20]/.test(text));
    const value = fc
      .tuple(line, fc.array(fc.tuple(fc.constantFrom(' ', '\t'), shown), { maxLength: 3 }))
      .map(([first, more]) => [first, ...more.map(([blank, text]) => `\n${blank}${text}`)].join(''));
    fc.assert(
      fc.property(value, fc.constantFrom('C01', 'C02'), (text, offer) => {
        let raw: Uint8Array = Buffer.alloc(0);
        const filter = compose(
          observe('header', (header) => void (raw = header.raw)),
          on('eom', () => insertHeader('top', 'X', raw)),
        );
        const mta = link(filter, VERBATIM);
        mta.ask(offer);
        mta.send(frame('L', `X\0${text}\0`));
        mta.heard();
        expect(mta.ask('C26')).toEqual(said(frame('i', `\0\0\0\0X\0${text}\0`), 'R03'));
      }),
    );
  });
});
