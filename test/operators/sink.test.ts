import { type OperatorFunction, Subject, asapScheduler, identity, map, mergeMap, observeOn } from 'rxjs';
import {
  compose,
  type Session,
  observe,
  on,
  perMessage,
  sink,
  accept,
  reject,
  tempfail,
  type Flow,
  addHeader,
  SMFIP,
} from 'rxmilter';
import { describe, expect, it, vi } from 'vitest';

import type { Command } from '../../src/transport/wire/commands.js';
import { settle } from './support/drawn.js';
import { expectQuiet } from './support/quiet.js';
import { Wire } from './support/wire.js';

const ALL_NO =
  SMFIP.NOMAIL | SMFIP.NORCPT | SMFIP.NOBODY | SMFIP.NOHDRS | SMFIP.NOEOH | SMFIP.NODATA | SMFIP.NOUNKNOWN;

/** What an MTA is told when the connection begins. */
function negotiated(filter: OperatorFunction<Flow, Flow>): unknown {
  return new Wire().pipe(filter).say('optneg')[0];
}

const DIALOGUE = [
  ...['connect', 'helo', 'mail', 'rcpt', 'data', 'header', 'eoh', 'body', 'eom'],
  ...[
    'mail',
    'rcpt',
    'abort',
    'unknown',
    'mail',
    'rcpt',
    'rcpt',
    'data',
    'header',
    'eoh',
    'body',
    'eom',
    'quit',
  ],
] as readonly Command['type'][];

it('takes a session of listen(), and nothing else', () => {
  for (const other of [undefined, {}, { id: '1', events: new Subject(), info: {} }])
    expect(() => sink(other as never)).toThrow(
      new TypeError('sink(): the argument is not a session. Give what listen() emits.'),
    );
});

describe('sink', () => {
  expectQuiet();

  it('derives the negotiation from what the filters are', () => {
    expect(negotiated(on('rcpt', () => undefined))).toMatchObject({
      actions: 0,
      protocol: (ALL_NO & ~SMFIP.NORCPT & ~SMFIP.NOMAIL) | SMFIP.NR_CONN | SMFIP.NR_HELO | SMFIP.NR_MAIL,
    });
    expect(negotiated(observe('header', () => undefined))).toMatchObject({
      actions: 0,
      protocol: (ALL_NO & ~SMFIP.NOHDRS) | SMFIP.NR_CONN | SMFIP.NR_HELO | SMFIP.NR_HDR,
    });
    expect(negotiated(compose())).toMatchObject({
      actions: 0,
      protocol: ALL_NO | SMFIP.NR_CONN | SMFIP.NR_HELO,
    });
    expect(negotiated(on('eom', () => undefined))).toMatchObject({ actions: 0xff });
  });

  it('asks for everything where there is an operator that says nothing of itself', () => {
    const everything = { actions: 0xff, protocol: SMFIP.SKIP };
    const raw = map((flow: Flow) => flow);
    for (const filter of [
      raw,
      compose(raw),
      compose(
        on('rcpt', () => undefined),
        raw,
      ),
    ]) {
      expect(negotiated(filter)).toMatchObject(everything);
    }
  });

  it.each<[string, () => OperatorFunction<Flow, Flow>]>([
    ['nothing', () => compose()],
    ['one decision', () => on('rcpt', () => reject('no'))],
    [
      'all sorts',
      () => {
        let count = 0;
        return compose(
          observe(['header', 'abort'], () => undefined),
          on('rcpt', () => (count++ % 2 === 0 ? undefined : tempfail('later'))),
          perMessage(() => on('body', () => (count++ % 2 === 0 ? accept() : undefined))),
          on('eom', () => [addHeader('X-Count', String(count)), accept()]),
        );
      },
    ],
    [
      'promises',
      () =>
        on(['rcpt', 'eom'], async ({ stage }) => Promise.resolve(stage === 'rcpt' ? undefined : reject())),
    ],
  ])('writes the same bytes on the direct path and on the general one: %s', async (_name, make) => {
    const hidden = (source: Parameters<OperatorFunction<Flow, Flow>>[0]): typeof source =>
      source.pipe(
        make(),
        map((flow) => flow),
      );
    const direct = new Wire().pipe(compose(make(), (events) => events));
    const general = new Wire().pipe(hidden);
    const mixed = new Wire().pipe((source) =>
      source.pipe(
        map((flow) => flow),
        make(),
      ),
    );
    for (const wire of [direct, general, mixed]) {
      wire.say('optneg');
      for (const command of DIALOGUE) {
        wire.say(command);
        await settle();
      }
    }
    expect(Buffer.concat(general.bytes).toString('latin1')).toBe(
      Buffer.concat(direct.bytes).toString('latin1'),
    );
    expect(Buffer.concat(mixed.bytes).toString('latin1')).toBe(
      Buffer.concat(direct.bytes).toString('latin1'),
    );
    expect([direct, general, mixed].map(({ completed, ended }) => completed && ended)).toEqual([
      true,
      true,
      true,
    ]);
  });

  it('takes the direct path for our own filters, and subscribes to nothing then', () => {
    const wire = new Wire();
    const subscribe = vi.spyOn(wire.session.events, 'subscribe');
    wire.pipe((events) =>
      events.pipe(
        on('mail', () => undefined),
        identity,
        on('rcpt', () => undefined),
      ),
    );
    expect(subscribe).not.toHaveBeenCalled();
    expect(wire.say('optneg')).toHaveLength(1);
  });

  it('answers "continue" to what arrives undecided, with the modifications that are on it', () => {
    const wire = new Wire().pipe(on(['rcpt', 'eom'], () => undefined));
    wire.say('optneg', 'connect', 'mail');
    expect(wire.say('rcpt', 'eom')).toEqual([{ type: 'continue' }, { type: 'continue' }]);
    const changing = new Wire().pipe(on('eom', () => addHeader('X-Seen', 'yes')));
    changing.say('optneg', 'connect');
    expect(changing.say('eom').map(({ type }) => type)).toEqual(['addHeader', 'continue']);
  });

  it('emits what became of each event', () => {
    const wire = new Wire().pipe(
      compose(
        on('rcpt', () => reject('no')),
        on('eom', () => addHeader('X-Seen', 'yes')),
      ),
    );
    wire.say('optneg', 'connect', 'mail', 'rcpt', 'eom', 'quit');
    expect(wire.outcomes).toEqual([
      {
        session: wire.session.info,
        stage: 'rcpt',
        decision: reject('no'),
        modifications: [],
        skipped: [],
        elapsed: expect.any(Number),
        rounds: 1,
        bytes: 40,
        error: undefined,
      },
      expect.objectContaining({
        stage: 'eom',
        decision: undefined,
        modifications: [addHeader('X-Seen', 'yes')],
      }),
    ]);
    expect(wire.outcomes[0]?.elapsed).toBeGreaterThanOrEqual(0);
  });

  it('completes with the connection', () => {
    for (const end of [(wire: Wire) => wire.hangUp(), (wire: Wire) => void wire.say('quit')]) {
      const wire = new Wire().pipe(on('rcpt', () => new Promise<undefined>(() => undefined)));
      wire.say('optneg', 'connect', 'mail', 'rcpt');
      expect(wire.completed).toBe(false);
      end(wire);
      expect(wire.completed).toBe(true);
      expect(wire.ended).toBe(true);
      expect(wire.errors).toEqual([]);
    }
  });

  it('closes the connection at once when it is unsubscribed', () => {
    for (const filter of [on('rcpt', () => undefined), map((flow: Flow) => flow)]) {
      const wire = new Wire().pipe(filter);
      wire.say('optneg', 'connect');
      wire.unsubscribe();
      expect(wire.destroyed).toBe(true);
      expect(wire.completed).toBe(false);
      wire.heard();
      expect(wire.say('mail', 'rcpt')).toEqual([]);
    }
  });

  it('keeps the order where the pipeline answers later', async () => {
    const wire = new Wire().pipe((events) =>
      events.pipe(
        observeOn(asapScheduler),
        on('rcpt', ({ address }) => reject(address)),
      ),
    );
    wire.say('optneg', 'connect', 'mail');
    for (const name of ['a', 'b', 'c']) {
      wire.say({ type: 'rcpt', address: `<${name}@example.org>`, args: [] });
    }
    for (let round = 0; round < 10; round++) await new Promise((resolve) => setImmediate(resolve));
    expect(wire.bytes.map((bytes) => bytes.toString('latin1')).join('')).toMatch(
      /a@example.*b@example.*c@example/s,
    );
  });

  it('keeps one connection from taking the others with it, in the literal form', () => {
    const sessions = new Subject<Session>();
    const outcomes: unknown[] = [];
    const ended = vi.fn();
    const filter = compose((events) =>
      events.pipe(
        map((flow) => {
          if (flow.stage === 'rcpt') throw new Error('broken');
          return flow;
        }),
      ),
    );
    const subscription = sessions
      .pipe(mergeMap((session) => session.events.pipe(filter, sink(session))))
      .subscribe({ next: (outcome) => outcomes.push(outcome), error: ended, complete: ended });
    const [bad, good] = [new Wire(), new Wire()];
    for (const { session } of [bad, good]) sessions.next(session);
    bad.say('optneg', 'connect', 'mail', 'rcpt');
    good.say('optneg', 'connect');
    expect(bad.ended).toBe(true);
    expect(good.ended).toBe(false);
    expect(good.say('mail')).toEqual([{ type: 'continue' }]);
    expect(ended).not.toHaveBeenCalled();
    subscription.unsubscribe();
    expect(good.destroyed).toBe(true);
  });
});
