import type { OperatorFunction } from 'rxjs';
import {
  compose,
  observe,
  on,
  accept,
  reject,
  type Flow,
  addHeader,
  deleteHeader,
  quarantine,
  type SessionOptions,
  type Stage,
} from 'rxmilter';
import { describe, expect, it } from 'vitest';

import { oneByOne } from '../support/read-frames.js';
import { type Bytes, bytesOf, frame, said } from '../support/session-frames.js';
import { link } from '../support/session-link.js';
import {
  LOCK_STEP,
  LOCK_STEP_OPENING_FILTER,
  LOCK_STEP_OPENING_MTA,
  NO_REPLY,
  type Step,
} from '../support/vectors.js';

interface Dialogue {
  readonly name: string;
  readonly filter: () => OperatorFunction<Flow, Flow>;
  readonly options?: SessionOptions;
  readonly steps: readonly (Step | { readonly mta: readonly Bytes[]; readonly filter: readonly Bytes[] })[];
}

/** Agrees to exactly these terms, so that the dialogue is the one that is written down. */
const agreeing = (actions: number, protocol: number): SessionOptions => ({
  negotiate: () => ({ version: 6, actions, protocol, macros: {} }),
});
const everything = agreeing(0x1ff, 0);
const OPEN = { mta: ['C01'], filter: [frame('O', Buffer.from('00000006000001ff00000000', 'hex'))] };

const ALL = ['connect', 'helo', 'mail', 'rcpt', 'data', 'header', 'eoh', 'body', 'eom', 'unknown'] as const;
const undecided = (): OperatorFunction<Flow, Flow> => on(ALL, () => undefined);

/** Macro frames without macros. */
const D = (letters: string): Buffer[] => Array.from(letters, (letter) => frame('D', letter));
const c = ['R03'];

const DIALOGUES: readonly Dialogue[] = [
  {
    name: 'S1: one message in lock-step',
    filter: () => on('eom', () => [addHeader('X-Test', ' yes'), deleteHeader('X-Spam', 2), accept()]),
    options: agreeing(0x11, 0x100500),
    // What is deleted is counted as the filter was shown it, so deletions go before additions.
    steps: LOCK_STEP.map((step) =>
      step.filter[0] === 'R17' ? { ...step, filter: ['R22', 'R17', 'R04'] } : step,
    ),
  },
  {
    name: 'S2: a session in which only the end of the message is answered',
    filter: undecided,
    options: agreeing(0x1ff, 0xff080),
    steps: NO_REPLY,
  },
  {
    name: 'S3: one recipient refused, the message accepted',
    filter: () =>
      compose(
        on('rcpt', ({ address }) =>
          address === 'bob@example.org' ? reject('No such user here') : undefined,
        ),
        on('eom', () => accept()),
      ),
    options: everything,
    steps: [
      OPEN,
      { mta: ['C08', 'C03'], filter: c },
      { mta: ['C34', 'C10'], filter: c },
      { mta: ['C11', 'C12'], filter: c },
      { mta: ['C16'], filter: ['R10'] },
      { mta: ['C35'], filter: c },
      ...['C18', 'C19', 'C24', 'C25'].map((id) => ({ mta: [id], filter: c })),
      { mta: ['C26'], filter: ['R04'] },
    ],
  },
  {
    name: 'S4: two messages as Sendmail sends them',
    filter: undecided,
    options: everything,
    steps: [
      OPEN,
      { mta: ['C08', 'C03'], filter: c },
      { mta: [...D('H'), 'C10'], filter: c },
      ...[1, 2].flatMap(() => [
        { mta: ['C11', 'C12'], filter: c },
        { mta: [...D('R'), 'C16'], filter: c },
        ...['C18', 'C19', 'C21', 'C24', 'C25'].map((id) => ({ mta: [id], filter: c })),
        { mta: [...D('E'), 'C26'], filter: c },
      ]),
      { mta: ['C29'], filter: [] },
    ],
  },
  {
    name: 'S5: two messages as Postfix sends them',
    filter: undecided,
    options: everything,
    steps: [
      OPEN,
      { mta: ['C08', 'C03'], filter: c },
      { mta: ['C34', 'C10'], filter: c },
      ...[1, 2].flatMap((message) => [
        { mta: [...(message === 2 ? ['C28'] : []), 'C11', 'C12'], filter: c },
        { mta: [...D('R'), 'C16'], filter: c },
        { mta: [...D('T'), 'C18'], filter: c },
        { mta: ['C09', 'C19'], filter: c },
        { mta: ['C09', 'C21'], filter: c },
        { mta: [...D('N'), 'C24'], filter: c },
        { mta: [...D('B'), 'C25'], filter: c },
        { mta: [...D('E'), 'C26'], filter: c },
      ]),
      { mta: ['C28', 'C28', 'C29'], filter: [] },
    ],
  },
  {
    name: 'S6: everything switched off, as Sendmail does it',
    filter: () => on('eom', () => reject()),
    options: agreeing(0, 0x37f),
    steps: [
      { mta: ['C01'], filter: ['R33'] },
      { mta: [...D('CHMRRE'), 'C26'], filter: ['R05'] },
      { mta: ['C29'], filter: [] },
    ],
  },
  {
    name: 'S6: everything switched off, as Postfix does it',
    filter: () => on('eom', () => reject()),
    options: agreeing(0, 0x37f),
    steps: [
      { mta: ['C01'], filter: ['R33'] },
      { mta: [...D('CHMRRTE'), 'C26'], filter: ['R05'] },
      { mta: ['C28', 'C28', 'C29'], filter: [] },
    ],
  },
  ...(
    [
      [
        'Sendmail',
        [
          [...D('M'), 'C12'],
          [...D('R'), 'C16'],
          ['C28', ...D('M'), 'C12'],
          [...D('R'), 'C16'],
          ['C28', ...D('H'), 'C10'],
        ],
        [],
      ],
      [
        'Postfix',
        [
          [...D('M'), 'C12'],
          [...D('R'), 'C16'],
          ['C28', ...D('M'), 'C12'],
          [...D('R'), 'C16'],
          [...D('H'), 'C10'],
        ],
        ['C28', 'C28'],
      ],
    ] as const
  ).map(([mta, events, rest]) => ({
    name: `S7: RSET and EHLO within a transaction, as ${mta} does it`,
    filter: undecided,
    options: everything,
    steps: [OPEN, ...events.map((mta) => ({ mta, filter: c })), { mta: rest, filter: [] }],
  })),
  {
    name: 'S8: DATA refused, then more recipients',
    filter: () => {
      let refused = false;
      return on(['mail', 'rcpt', 'data', 'header', 'eom'], ({ stage }) => {
        if (stage !== 'data' || refused) return undefined;
        refused = true;
        return reject();
      });
    },
    options: everything,
    steps: [
      OPEN,
      { mta: [...D('M'), 'C12'], filter: c },
      { mta: [...D('R'), 'C16'], filter: c },
      { mta: ['C18'], filter: ['R05'] },
      { mta: [...D('R'), 'C16'], filter: c },
      { mta: ['C18'], filter: c },
      { mta: ['C19'], filter: c },
      { mta: ['C26'], filter: c },
    ],
  },
  {
    name: 'S9: mail that is submitted to Postfix on its own machine',
    filter: undecided,
    options: everything,
    steps: [
      OPEN,
      { mta: [...D('C'), 'C33'], filter: c },
      { mta: [...D('H'), frame('H', 'localhost\0')], filter: c },
      { mta: [...D('M'), frame('M', 'loc@x.example\0')], filter: c },
      { mta: [...D('R'), 'C35'], filter: c },
      { mta: [...D('T'), 'C18'], filter: c },
      { mta: ['C09', 'C19'], filter: c },
      { mta: [...D('N'), 'C24'], filter: c },
      { mta: [...D('B'), 'C25'], filter: c },
      { mta: [...D('E'), 'C26'], filter: c },
      { mta: ['C29'], filter: [] },
    ],
  },
  {
    name: 'S10: silence is a consequence of the negotiation',
    filter: () =>
      compose(
        on('body', () => reject()),
        on('eom', () => quarantine('policy hold')),
      ),
    options: agreeing(0x1ff, 0xff080),
    steps: [
      { mta: ['C01'], filter: ['R34'] },
      { mta: ['C25'], filter: [] },
      { mta: ['C26'], filter: ['R32', 'R03'] },
    ],
  },
];

describe('a dialogue', () => {
  it.each(DIALOGUES)('$name, step by step', ({ filter, options, steps }) => {
    const mta = link(filter(), options);
    for (const step of steps) expect(mta.ask(...step.mta)).toEqual(said(...step.filter));
    if (bytesOf(...steps.flatMap(({ mta }) => mta)).at(-1) === 'Q'.charCodeAt(0)) {
      expect(mta.io.state).toBe('ended');
    } else {
      expect(mta.io.state).toBe('open');
    }
  });

  it.each(DIALOGUES)('$name, all at once', ({ filter, options, steps }) => {
    const mta = link(filter(), options);
    // An MTA waits where it is to be answered; one that does not is answered just the same.
    expect(mta.ask(...steps.flatMap((step) => step.mta))).toEqual(
      said(...steps.flatMap((step) => step.filter)),
    );
    expect(mta.io.writes.length).toBeLessThanOrEqual(1);
  });

  it.each(DIALOGUES)('$name, byte by byte', ({ filter, options, steps }) => {
    const mta = link(filter(), options);
    for (const step of steps) {
      for (const byte of oneByOne(bytesOf(...step.mta))) mta.send(byte);
      expect(mta.heard()).toEqual(said(...step.filter));
    }
  });

  it('begins as the protocol writes it out in one piece', () => {
    const mta = link(undecided(), agreeing(0x11, 0x100500));
    mta.send(LOCK_STEP_OPENING_MTA);
    expect(Buffer.concat(mta.io.writes)).toEqual(LOCK_STEP_OPENING_FILTER);
  });

  it('of all no-reply is looked at all the same', () => {
    const seen: Stage[] = [];
    const mta = link(observe(ALL, ({ stage }) => void seen.push(stage)));
    mta.ask('C01');
    expect(mta.ask(...(NO_REPLY[1]?.mta ?? []))).toEqual(said('R03'));
    expect(seen).toEqual(['connect', 'helo', 'mail', 'rcpt', 'data', 'header', 'eoh', 'body', 'eom']);
  });
});
