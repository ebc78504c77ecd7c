import { describe, expect, test } from 'vitest';

import { planFor } from '../../bench/load/sessions.mjs';
import { floorAnswers } from '../../bench/mail/floor.mjs';
import { GROWTH, workOf } from '../../bench/mail/growth.mjs';
import { ORDINARY } from '../../bench/mail/mail.mjs';
import { makePlan } from '../../bench/mail/plan.mjs';
import { frame, optneg } from '../../bench/mail/wire.mjs';

/** Agreed on by a filter that answers nothing but the end of the message. */
const SILENT = 0xff080;

/** How often each letter begins a frame. */
function letters(bytes: Uint8Array): Record<string, number> {
  const view = Buffer.from(bytes);
  const count: Record<string, number> = {};
  for (let at = 0; at < view.length; at += 4 + view.readUInt32BE(at)) {
    const letter = view.toString('latin1', at + 4, at + 5);
    count[letter] = (count[letter] ?? 0) + 1;
  }
  return count;
}

/** What the load sends of one message to a filter that answers only its end. */
function silentMessage(cell: Parameters<typeof workOf>[0]): Record<string, number> {
  const { first } = makePlan(workOf(cell), SILENT);
  expect(first.map(({ stage }) => stage)).toEqual(['eom']);
  return letters(first[0]?.send ?? Buffer.alloc(0));
}

const ONE = { M: 1, R: 1, T: 1, L: 12, N: 1, B: 1, E: 1 };
/** Each event has its macros. */
const withMacros = (count: Record<string, number>): Record<string, number> => ({
  ...count,
  D: Object.values(count).reduce((sum, each) => sum + each, 0),
});

describe('the mail of a work', () => {
  test.each([
    ['g', {}],
    ['j', {}],
    ['k', { R: 50 }],
    ['l', { R: 50 }],
    // 10 MiB, in pieces of 65 535 bytes.
    ['m', { B: 161 }],
  ])('(%s) is sent in as many frames as it has parts', (work, more) => {
    expect(silentMessage({ work })).toEqual(withMacros({ ...ONE, ...more }));
  });

  test.each([
    ['headers', 10, { L: 10 }],
    ['headers', 1000, { L: 1000 }],
    ['recipients', 1, {}],
    ['recipients', 1000, { R: 1000 }],
    ['body', 2048, {}],
    ['body', 16 * 1024 * 1024, { B: 257 }],
  ])('grows with %s to %i', (kind, size, more) => {
    expect(silentMessage({ work: 'g', grown: { kind, size } })).toEqual(withMacros({ ...ONE, ...more }));
  });

  test.each(Object.entries(GROWTH))('grows with %s from small to large', (_kind, { sizes, few }) => {
    expect([...sizes].sort((one, other) => one - other)).toEqual(sizes);
    expect(sizes).toEqual(expect.arrayContaining([...few]));
  });
});

describe('the mail for a filter of which nothing is known', () => {
  test.each(['e', 'i'])('(%s) is all there, and no certain answer is due', (work) => {
    const request = {
      work,
      foreign: true,
      tally: {},
      endpoint: '',
      connections: 1,
      pid: 1,
      fail: () => undefined,
    };
    const { first } = planFor(request, optneg(6, 1, SILENT));
    expect(letters(first[0]?.send ?? Buffer.alloc(0))).toEqual(
      withMacros({ ...ONE, B: work === 'i' ? 17 : 1 }),
    );
    expect(first[0]?.expect).toEqual(frame('c'));
  });
});

describe('the changes that the load waits for', () => {
  const COLLECTED = `X-Bench\x0012 fields, ${ORDINARY.body.length} bytes\0`;
  const SUBJECT = 'Minutes of the meeting on Thursday, second draft';
  const changed = (old: string): Buffer[] => [
    frame('m', Uint8Array.of(0, 0, 0, 1), `Subject\0[bench] ${SUBJECT}\0`),
    frame('h', COLLECTED),
    frame('-', `<${old}>\0`),
    frame('+', '<carol@example.net>\0'),
  ];

  test.each([
    ['j', changed('bob@example.net')],
    ['l', changed('user25@example.net')],
    ['k', [frame('h', COLLECTED)]],
    ['m', [frame('h', 'X-Bench\x0012 fields, 10485760 bytes\0')]],
  ])('in (%s) are those of the work, in order', (work, changes) => {
    const expected = Buffer.concat([...changes, frame('c')]);
    expect(makePlan(workOf({ work }), SILENT).first[0]?.expect.toString('latin1')).toBe(
      expected.toString('latin1'),
    );
  });

  test('say how much the mail has grown', () => {
    const [step] = makePlan(workOf({ work: 'g', grown: { kind: 'headers', size: 300 } }), SILENT).first;
    expect(step?.expect.toString('latin1')).toContain(COLLECTED.replace('12', '300'));
  });

  test('are answered by a floor that has the same negotiation', () => {
    const cell = { mode: 'busy', work: 'l', transport: 'unix', connections: 1 } as const;
    const answers = floorAnswers(cell, optneg(6, 0x1d, SILENT).toString('hex'));
    expect(Object.keys(answers)).toEqual(['O', 'E']);
    expect(answers.E).toBe(makePlan(workOf({ work: 'l' }), SILENT).first[0]?.expect.toString('hex'));
  });

  test('have their leading space where that was negotiated', () => {
    const [step] = makePlan(workOf({ work: 'j' }), SILENT | 0x100000).first;
    expect(step?.expect.toString('latin1')).toContain('Subject\0 [bench] Minutes');
    expect(step?.expect.toString('latin1')).toContain('X-Bench\0 12 fields');
  });
});
