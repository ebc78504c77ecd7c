import { Readable } from 'node:stream';
import { of } from 'rxjs';
import {
  on,
  answer,
  requireRights,
  accept,
  discard,
  allow,
  reject,
  skip,
  tempfail,
  type StageEvent,
  addHeader,
  replaceBody,
  type Stage,
} from 'rxmilter';
import { describe, expect, it } from 'vitest';

import { body, connect, decided, eom, rcpt, unknown } from '../support/events.js';
import { settle } from './support/drawn.js';
import { expectQuiet } from './support/quiet.js';
import { Wire } from './support/wire.js';

const r = rcpt();
const e = eom();
const seen = addHeader('X-Seen', 'yes');

/** What plain JavaScript can give back from a project, and what it is told. */
const AT_RCPT =
  'is not an answer at stage rcpt. Return what allow(), accept(), reject(), tempfail(), discard() make, or nothing.';
const WRONG: readonly (readonly [string, unknown, string])[] = [
  ['a text', 'no such user', `"no such user" ${AT_RCPT}`],
  ['a number', 550, `550 ${AT_RCPT}`],
  ['true', true, `true ${AT_RCPT}`],
  ['a symbol', Symbol('no'), `Symbol(no) ${AT_RCPT}`],
  ['the function itself', reject, `The function reject, which has to be called, ${AT_RCPT}`],
  ['an error', new Error('no'), `An object of another kind ${AT_RCPT}`],
  ['an object', { code: 550 }, `An object of another kind ${AT_RCPT}`],
  ['a decision that there is not', { kind: 'bounce' }, `An object of another kind ${AT_RCPT}`],
  ['the event', r, `An object of another kind ${AT_RCPT}`],
  ['an array in an array', [[reject()]], `An array within another ${AT_RCPT}`],
  ['bytes', Buffer.from('5'), `53 ${AT_RCPT}`],
  [
    'skip',
    skip(),
    'skip() is not legal at stage rcpt. Use allow(), accept(), reject(), tempfail(), discard().',
  ],
  ['a change', seen, 'addHeader() is not legal at stage rcpt: a message can be changed only at eom.'],
  ['a promise of a text', Promise.resolve('no'), `"no" ${AT_RCPT}`],
  ['an Observable of numbers', of(5), `5 ${AT_RCPT}`],
  ['a foreign thing with subscribe', { subscribe: 1 }, expect.stringContaining('stream')],
];

it('destroys each body of an answer that is not taken', async () => {
  const bodies = [Readable.from(['one']), Readable.from(['other'])];
  const wire = new Wire().pipe(on('eom', () => [...bodies.map((each) => replaceBody(each)), reject()]));
  wire.say('optneg', 'connect', 'mail', 'rcpt', 'eom');
  await settle();
  expect(bodies.map(({ destroyed }) => destroyed)).toEqual([true, true]);
});

describe('the guards for plain JavaScript', () => {
  expectQuiet();

  it.each(WRONG)('fail for %s, and say what to do', async (_what, answer, message) => {
    const wire = new Wire().pipe(on('rcpt', () => answer as never));
    wire.say('optneg', 'connect', 'mail');
    const now = wire.say('rcpt');
    await settle();
    expect([...now, ...wire.heard()]).toEqual([{ type: 'tempfail' }]);
    const errors = wire.outcomes.flatMap(({ error }) => error ?? []);
    expect(errors).toHaveLength(1);
    const words = errors[0]?.message.replace(/^The filter failed at stage rcpt: /, '');
    // Of an answer that may not be given with the place of the operator that has given it.
    expect(words?.replace(/ \(at guards\.test\.ts:\d+:\d+\)$/, '')).toEqual(message);
    if (errors[0]?.name === 'AnswerError') expect(words).toMatch(/ \(at guards\.test\.ts:/);
    expect(errors[0]?.name).toMatch(/^(Answer|Project)Error$/);
    expect(wire.texts('rcpt')).toEqual([]);
    expect(wire.ended).toBe(false);
  });

  it.each([
    ['discard', 'connect', 'Use allow(), accept(), reject(), tempfail().'],
    ['accept', 'unknown', 'Use allow(), reject(), tempfail().'],
    ['skip', 'eom', 'Use allow(), accept(), reject(), tempfail(), discard(), addHeader(), ….'],
  ])('say of %s() what may be used at %s instead', (kind, stage, remedy) => {
    const event = [connect(), unknown(), e].find((each) => each.stage === stage) as StageEvent;
    expect(() => answer(event, { kind } as never)).toThrow(
      `${kind}() is not legal at stage ${stage}. ${remedy}`,
    );
  });

  it('fail for an object written by hand that would break SMTP', () => {
    const wire = new Wire().pipe(
      on('rcpt', () => ({ kind: 'reject', reply: { code: 250, lines: ['fine'] } })),
    );
    wire.say('optneg', 'connect', 'mail');
    expect(wire.say('rcpt')).toEqual([{ type: 'tempfail' }]);
    expect(wire.outcomes.at(-1)?.error?.message).toMatch(/^reject\(\): the code 250 is not 5xx/);
  });

  it.each([
    ['nothing', undefined],
    ['an object', {}],
    ['an answer', reject()],
    ['a text', 'reject'],
  ])('refuse %s for a project when the filter is made', (_what, project) => {
    expect(() => on('rcpt', project as never)).toThrow(
      new TypeError('on(): the last argument has to be a function.'),
    );
  });

  it.each(['abort', 'close', 'reply', 'RCPT', 'envrcpt', '', 'toString', undefined, null, 5])(
    'refuse %j for a stage, and list those that there are',
    (stage) => {
      const message =
        /is not a stage that fits here; use one of connect, helo, mail, rcpt, data, header, eoh, body, eom, unknown\.$/;
      expect(() => on(stage as Stage, () => undefined)).toThrow(TypeError);
      expect(() => on(stage as Stage, () => undefined)).toThrow(message);
      expect(() => on(['rcpt', stage as Stage], () => undefined)).toThrow(message);
    },
  );
});

describe('reply', () => {
  it('makes the reply to an event, as on() does', () => {
    expect(answer(r, reject('no'))).toEqual(decided(r, reject('no')));
    expect(answer(r, allow()).to).toBe(r);
    expect(answer(e, seen, accept())).toEqual(decided(e, accept(), seen));
    expect(answer(eom({ modifications: [seen] }), tempfail()).modifications).toEqual([seen]);
    expect(answer(body(), skip()).decision).toEqual(skip());
  });

  it('takes nothing after the decision', () => {
    expect(answer(e, accept(), seen, reject())).toEqual(decided(e, accept()));
  });

  it('needs a decision', () => {
    const message = 'Add allow(), accept(), reject() …';
    expect(() => answer(r)).toThrow(`answer(): no decision for the event at stage rcpt. ${message}`);
    expect(() => answer(e, seen)).toThrow(`answer(): no decision for the event at stage eom. ${message}`);
  });

  it('refuses what is not legal', () => {
    expect(() => answer(connect(), discard() as never)).toThrow('discard() is not legal at stage connect.');
    expect(() => answer(r, seen as never)).toThrow('addHeader() is not legal at stage rcpt');
    expect(() => answer(r, 'no' as never)).toThrow('"no" is not an answer at stage rcpt.');
  });
});

describe('requires', () => {
  expectQuiet();

  it('lets all pass, and refuses an MTA that does not grant the rights', () => {
    const filter = requireRights(
      ['CHGBODY'],
      on('rcpt', () => reject('no')),
    );
    const wire = new Wire().pipe(filter);
    expect(wire.texts('optneg', 'connect', 'mail', 'rcpt')).toEqual(['550 5.7.1 no']);
    const poor = new Wire().pipe(filter);
    poor.say({ type: 'optneg', version: 6, actions: 1, protocol: 0x1fffff, lists: [] });
    expect(poor.texts('connect', 'mail', 'rcpt')).toEqual(
      Array(3).fill(expect.stringMatching(/^451 4\.3\.5 /)),
    );
    expect(poor.outcomes.map(({ stage, error }) => [stage, error?.message])).toEqual([
      ['negotiate', expect.stringContaining('CHGBODY')],
      ['connect', undefined],
      ['mail', undefined],
      ['rcpt', undefined],
    ]);
  });

  it('refuses what is no right and what is no filter', () => {
    expect(() =>
      requireRights(
        ['CHGBDY' as never],
        on('rcpt', () => undefined),
      ),
    ).toThrow(/^requireRights\(\): CHGBDY is not a right\. Use ADDHDRS, CHGBODY,/);
    expect(() => requireRights(['CHGBODY'], undefined as never)).toThrow(
      'requireRights(): the second argument is undefined, and no filter.',
    );
  });
});
