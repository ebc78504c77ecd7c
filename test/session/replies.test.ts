import { map } from 'rxjs';
import { accept, answer, on, type Decision, reject, tempfail, AnswerError, type ReplySpec } from 'rxmilter';
import { describe, expect, it } from 'vitest';

import { type Allow } from '../../src/session/decisions.js';
import { type Bytes, frame, said } from '../support/session-frames.js';
import { opened } from '../support/session-link.js';

const y = (text: string): Buffer => frame('y', Buffer.from(`${text}\0`));

/** What is said to a recipient that is decided like this. */
const written = (decision: () => Decision): string[] =>
  opened(on('rcpt', decision as () => Allow)).ask('C16');

describe('a reply', () => {
  it.each<[string, () => Decision, Bytes]>([
    ["no words of one's own", () => reject(), 'R05'],
    ["no words of one's own, for now", () => tempfail(), 'R06'],
    ['text alone', () => reject('No such user here'), 'R10'],
    ['text alone, for now', () => tempfail('later'), y('451 4.7.1 later')],
    [
      'three lines',
      () =>
        reject({
          code: 554,
          enhanced: '5.7.0',
          text: ['Rejected by policy', 'See https://example.org/p', 'Goodbye'],
        }),
      'R11',
    ],
    ['a percent sign', () => tempfail({ code: 451, enhanced: '4.7.1', text: '100% full, retry' }), 'R12'],
    ['421', () => tempfail({ code: 421, enhanced: '4.7.0', text: 'Closing, too many errors' }), 'R13'],
    ['a code without an enhanced one', () => reject({ code: 550, text: 'Plain text' }), 'R36'],
    ['two lines', () => tempfail({ code: 450, enhanced: '4.0.0', text: ['one', 'two'] }), 'R37'],
    ['an array of one line', () => reject({ code: 550, text: ['Plain text'] }), 'R36'],
    [
      'percent signs that are doubled already, and are doubled once',
      () => reject('50%% of 100%'),
      y('550 5.7.1 50%%%% of 100%%'),
    ],
    ['an enhanced code alone', () => reject({ enhanced: '5.1.1' }), y('550 5.1.1 Command rejected')],
    ['no text', () => reject({ text: '' }), y('550 5.7.1 ')],
    ['text in UTF-8', () => reject('ungültig'), y('550 5.7.1 ungültig')],
    ['the longest line', () => reject('x'.repeat(980)), y(`550 5.7.1 ${'x'.repeat(980)}`)],
    [
      'a code at the edge',
      () => reject({ code: 599, enhanced: '5.999.999', text: 'x' }),
      y('599 5.999.999 x'),
    ],
  ])('with %s', (_what, decision, bytes) => {
    expect(written(decision)).toEqual(said(bytes));
  });

  it('has 32 lines at most', () => {
    const lines = Array.from({ length: 32 }, (_, index) => `line ${index}`);
    const [heard = ''] = written(() => reject({ text: lines }));
    const text = Buffer.from(heard, 'hex').toString('latin1', 5);
    expect(text).toBe(
      lines.map((line, index) => `550${index === 31 ? ' ' : '-'}5.7.1 ${line}`).join('\r\n') + '\0',
    );
    const mta = opened(on('rcpt', () => reject({ text: [...lines, 'one more'] })));
    expect(mta.ask('C16')).toEqual([heard]);
    expect(mta.errors[0]?.message).toMatch(/33 lines of text; a reply has at most 32/);
  });

  it('has 16383 bytes at most, codes and line ends included', () => {
    // 990 bytes each: code and hyphen 4, enhanced code and blank 6, and 980; CRLF after all but the last.
    const lines = Array.from({ length: 16 }, () => 'x'.repeat(980));
    const last = 16_383 - 16 * 992 - 10;
    const [heard = ''] = written(() => reject({ text: [...lines, 'y'.repeat(last)] }));
    expect(heard.length / 2 - 6).toBe(16_383);
    for (const [spec, error] of [
      [
        { text: [...lines, 'y'.repeat(last + 1)] },
        /^reject\(\): 16384 bytes in all 17 lines together; 16383 is the limit/,
      ],
      [{ code: 550, text: [...lines, 'y'.repeat(last + 17 * 6)] }, undefined],
      [{ code: 550, text: [...lines, 'y'.repeat(last + 17 * 6 + 1)] }, /16384 bytes/],
      [{ text: Array.from({ length: 32 }, () => 'x'.repeat(980)) }, /bytes in all 32 lines/],
    ] as const) {
      const mta = opened(on('rcpt', () => reject(spec)));
      const [reply = ''] = mta.ask('C16');
      expect(reply.length / 2 - 6).toBeLessThanOrEqual(16_383);
      expect(reply.length / 2 - 6).toBeGreaterThan(16_383 - 20);
      expect(mta.errors.map(({ message }) => message)).toEqual(
        error === undefined ? [] : [expect.stringMatching(error)],
      );
    }
  });

  const wrong: [string, 'reject' | 'tempfail', ReplySpec, RegExp][] = [
    ['a 4xx code for good', 'reject', { code: 450, text: 'x' }, /450 is not 5xx/],
    ['a 5xx code for now', 'tempfail', { code: 550, text: 'x' }, /550 is not 4xx/],
    ['a 2xx code', 'reject', { code: 250, text: 'x' }, /250 is not 5xx/],
    ['a code that is no whole number', 'reject', { code: 550.5, text: 'x' }, /550\.5/],
    ['a code of four digits', 'reject', { code: 5500, text: 'x' }, /5500/],
    [
      'an enhanced code of another class',
      'reject',
      { code: 550, enhanced: '4.7.1', text: 'x' },
      /"4\.7\.1" does not go with 550/,
    ],
    ['an enhanced code of success', 'reject', { code: 550, enhanced: '2.0.0', text: 'x' }, /2\.0\.0/],
    ['an enhanced code that is none', 'tempfail', { code: 450, enhanced: '4.7', text: 'x' }, /"4\.7"/],
    ['an enhanced code with words', 'tempfail', { enhanced: '4.7.1 \r\n250 ok', text: 'x' }, /does not go/],
    ['a line that is no text', 'reject', { text: [1 as never] }, /line 1 of the text is not a string/],
    ['a text that is a number', 'reject', { text: 5 as never }, /the text 5 is neither text nor a list/],
    ['a code that is text', 'reject', { code: '550' as never, text: 'x' }, /the code "550" is not 5xx/],
    ['a number', 'reject', 550 as never, /550 is no reply/],
    ['null', 'tempfail', null as never, /null is no reply/],
    ['an array', 'reject', ['a', 'b'] as never, /is no reply/],
  ];

  it.each(wrong)(
    'with %s is refused, and the event gets the failure decision',
    (_what, kind, spec, message) => {
      const make = (): Decision => (kind === 'reject' ? reject(spec) : tempfail(spec));
      expect(make).toThrow(AnswerError);
      expect(make).toThrow(message);
      const mta = opened(on('rcpt', make as () => Allow));
      expect(mta.ask('C16')).toEqual(said('R06'));
      expect(mta.errors).toEqual([expect.any(AnswerError)]);
    },
  );

  it.each<[string, () => Decision, string, RegExp]>([
    [
      'a line that is too long',
      () => reject('x'.repeat(981)),
      `550 5.7.1 ${'x'.repeat(980)}`,
      /981 bytes; 980/,
    ],
    ['one in bytes', () => reject('ü'.repeat(491)), `550 5.7.1 ${'ü'.repeat(490)}`, /982 bytes; 980/],
    ['LF', () => reject('a\nb'), '550 5.7.1 a b', /^reject\(\): line 1 of the text holds "\\n"/],
    ['CR', () => reject('a\rb'), '550 5.7.1 a b', /holds "\\r"/],
    ['NUL', () => reject('a\0b'), '550 5.7.1 a b', /holds "\\u0000"/],
    [
      'CRLF in its second line',
      () => tempfail({ text: ['a', 'b\r\nc'] }),
      '451-4.7.1 a\r\n451 4.7.1 b c',
      /line 2/,
    ],
    [
      'an injected line, by hand',
      () => ({ kind: 'tempfail', reply: { code: 450, lines: ['x\r\n250 ok'] } }),
      '450 x 250 ok',
      /line 1/,
    ],
  ])('with %s is mended and sent, and the flaw is told', (_what, make, text, message) => {
    for (const failure of [tempfail(), accept()]) {
      const mta = opened(on('rcpt', make as () => Allow), { failure });
      expect(mta.ask('C16')).toEqual(said(y(text)));
      expect(mta.errors).toEqual([expect.any(AnswerError)]);
      expect(mta.errors[0]?.message).toMatch(message);
    }
  });

  it.each([
    ['another class', { kind: 'reject', reply: { code: 450, lines: ['x'] } }],
    [
      'another class of enhanced code',
      { kind: 'reject', reply: { code: 550, enhanced: '4.0.0', lines: ['x'] } },
    ],
    ['an empty list of lines', { kind: 'reject', reply: { code: 550, lines: [] } }],
    ['no lines', { kind: 'reject', reply: { code: 550 } }],
    ['no decision at all', undefined],
    ['a decision that there is none of', { kind: 'bounce' }],
    ['a decision with the name of what every object has', { kind: 'toString' }],
  ])("of an operator of one's own is checked too: %s", (_what, decision) => {
    const mta = opened((source) =>
      source.pipe(
        map((flow) =>
          flow.stage === 'rcpt' ? { ...answer(flow, reject()), decision: decision as Decision } : flow,
        ),
      ),
    );
    mta.heard();
    expect(mta.ask('C16')).toEqual(said('R06'));
    expect(mta.errors).toHaveLength(1);
    expect(mta.ask('C18')).toEqual(said('R03'));
  });

  it('an empty list of lines gets the words that go without', () => {
    expect(written(() => reject({ text: [] }))).toEqual(said(y('550 5.7.1 Command rejected')));
  });
});

describe('where a decision may be given', () => {
  const ids = {
    connect: 'C03',
    helo: 'C10',
    mail: 'C12',
    rcpt: 'C16',
    data: 'C18',
    header: 'C19',
    eoh: 'C24',
    body: 'C25',
    eom: 'C26',
    unknown: 'C31',
  } as const;
  const letters = { allow: 'c', accept: 'a', reject: 'r', tempfail: 't', discard: 'd', skip: 's' } as const;
  // Table 2.13 of the protocol; "avoid" is no.
  const message = ['mail', 'rcpt', 'data', 'header', 'eoh', 'body', 'eom'];
  const session = ['connect', 'helo'];
  const legal: Record<keyof typeof letters, readonly string[]> = {
    allow: [...session, ...message, 'unknown'],
    accept: [...session, ...message],
    reject: [...session, ...message, 'unknown'],
    tempfail: [...session, ...message, 'unknown'],
    discard: message,
    skip: ['body'],
  };

  const cases = (Object.keys(letters) as (keyof typeof letters)[]).flatMap((kind) =>
    (Object.keys(ids) as (keyof typeof ids)[]).map((stage) => [kind, stage] as const),
  );

  it.each(cases)('%s at %s', (kind, stage) => {
    const mta = opened(on(stage, () => ({ kind }) as never));
    const fits = legal[kind].includes(stage);
    expect(mta.ask(ids[stage])).toEqual(said(frame(fits ? letters[kind] : 't')));
    expect(mta.errors).toHaveLength(fits ? 0 : 1);
    if (!fits)
      expect(mta.errors[0]).toMatchObject({ name: 'AnswerError', message: expect.stringContaining(stage) });
  });

  it('skip is a continue where the MTA does not know it, and the rest of the body is taken in silence', () => {
    let pieces = 0;
    const mta = opened(
      on('body', () => {
        pieces++;
        return { kind: 'skip' } as const;
      }),
      { negotiate: (_offer, terms) => ({ ...terms, protocol: 0 }) },
    );
    expect(mta.ask('C25')).toEqual(said('R03'));
    expect(mta.ask('C25')).toEqual(said('R03'));
    expect(pieces).toBe(1);
  });
});
