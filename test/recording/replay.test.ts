import { lastValueFrom, map, take, toArray } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { compose, observe, on, perMessage, accept, reject, tempfail, type Flow, addHeader } from 'rxmilter';
import {
  compareReplies,
  diagram,
  type RecordedFrame,
  type RecordedSession,
  replay,
} from 'rxmilter/recording';
import { describe, expect, it } from 'vitest';

import type { Command } from '../../src/transport/wire/commands.js';
import { recorded } from './support.js';

const ALL = [
  ...(['connect', 'helo', 'mail', 'rcpt', 'data', 'header', 'eoh', 'body', 'eom'] as const),
  ...(['unknown', 'abort', 'close'] as const),
];

/** A session with these pauses, in milliseconds. */
const PAUSES: RecordedSession = {
  id: '1',
  frames: [
    {
      ms: 0,
      from: 'mta',
      message: { type: 'optneg', version: 6, actions: 0x1ff, protocol: 0x1fffff, lists: [] },
    },
    { ms: 0.4, from: 'filter', message: { type: 'optneg', version: 6, actions: 0, protocol: 0, lists: [] } },
    { ms: 2, from: 'mta', message: { type: 'helo', text: 'client.example' } },
    { ms: 2.2, from: 'filter', message: { type: 'continue' } },
    { ms: 4.1, from: 'mta', message: { type: 'macro', target: 'M', macros: [['i', 'Q1']] } },
    { ms: 4.1, from: 'mta', message: { type: 'mail', address: '<a@b.test>', args: [] } },
    { ms: 5, from: 'filter', message: { type: 'continue' } },
    { ms: 5, from: 'mta', message: { type: 'rcpt', address: '<c@d.test>', args: [] } },
    { ms: 8, from: 'filter', message: { type: 'reject' } },
    { ms: 10, from: 'mta', message: { type: 'abort' } },
    { ms: 10, from: 'mta', message: { type: 'quit' } },
  ],
};

describe('replay', () => {
  it('is the events that the MTA sent, as they were', async () => {
    const seen: Flow[] = [];
    const filter = compose(
      observe(ALL, (event) => void seen.push(event)),
      on('rcpt', ({ address }) => address.startsWith('mallory@') && reject()),
    );
    const { session } = await recorded(filter);
    const played = await lastValueFrom(replay(session).pipe(toArray()));
    expect(played.map(({ stage }) => stage)).toEqual(seen.map(({ stage }) => stage));
    const plain = (flow: Flow): unknown => ({
      ...JSON.parse(JSON.stringify(flow)),
      session: undefined,
      mail: undefined,
    });
    expect(played.map(plain)).toEqual(seen.map(plain));
    const last = played.at(-1)?.session;
    expect([last?.helo, last?.client.address]).toEqual(['client.example.com', '192.0.2.1']);
  });

  it('has the pauses of the recording, in virtual time', () => {
    new TestScheduler((actual, expected) => expect(actual).toEqual(expected)).run(({ expectObservable }) => {
      expectObservable(replay(PAUSES).pipe(map(({ stage }) => stage))).toBe('--h-mr----(ax|)', {
        h: 'helo',
        m: 'mail',
        r: 'rcpt',
        a: 'abort',
        x: 'close',
      });
    });
  });

  it('stops where it is unsubscribed from', () => {
    new TestScheduler((actual, expected) => expect(actual).toEqual(expected)).run(({ expectObservable }) => {
      const source = replay(PAUSES).pipe(map(({ stage }) => stage[0] ?? ''));
      expectObservable(source, '---!').toBe('--h');
      expectObservable(source.pipe(take(2))).toBe('--h-(m|)');
    });
  });

  it('can be piped through a filter, which decides as it does behind an MTA', async () => {
    const strict = on('rcpt', async () => {
      await Promise.resolve();
      return reject();
    });
    const flows = await lastValueFrom(replay(PAUSES).pipe(strict, toArray()));
    expect(flows.map((flow) => (flow.stage === 'reply' ? flow.decision.kind : flow.stage))).toEqual([
      'helo',
      'mail',
      'reject',
      'abort',
      'close',
    ]);
  });

  it('gives the recipients of a message the same mail, and the macros that were in scope', async () => {
    const seen: unknown[] = [];
    const filter = perMessage(() => {
      let mail: unknown;
      return compose(
        observe('mail', (event) => void (mail = event)),
        observe('rcpt', (event) => void seen.push(event.mail === mail, event.session.macros.get('i'))),
      );
    });
    await lastValueFrom(replay(PAUSES).pipe(filter));
    expect(seen).toEqual([true, 'Q1']);
  });

  it('completes also where the recording breaks off, as a connection that is lost', async () => {
    const broken = { ...PAUSES, frames: PAUSES.frames.slice(0, 8) };
    const stages = await lastValueFrom(
      replay(broken).pipe(
        map(({ stage }) => stage),
        toArray(),
      ),
    );
    expect(stages).toEqual(['helo', 'mail', 'rcpt', 'abort', 'close']);
  });
});

describe('diagram', () => {
  it('draws events and replies one above the other, and lists them', () => {
    expect(diagram(PAUSES, { unit: 1 })).toBe(
      [
        'mta     O-H-MR----(AQ)|',
        'filter  o-c--c--r-----|',
        '',
        ' 0.0 ms  mta     O  optneg version 6 actions 0x1ff protocol 0x1fffff',
        ' 0.4 ms  filter  o  optneg version 6 actions 0x0 protocol 0x0',
        ' 2.0 ms  mta     H  helo client.example',
        ' 2.2 ms  filter  c  continue',
        ' 4.1 ms  mta     M  mail <a@b.test>',
        ' 5.0 ms  filter  c  continue',
        ' 5.0 ms  mta     R  rcpt <c@d.test>',
        ' 8.0 ms  filter  r  reject',
        '10.0 ms  mta     A  abort',
        '10.0 ms  mta     Q  quit',
      ].join('\n'),
    );
  });

  it('finds a unit by itself, and draws what happened within one as one moment', () => {
    const slow = {
      ...PAUSES,
      frames: PAUSES.frames.map((frame) => ({ ...frame, ms: frame.ms * 1000 })),
    } as RecordedSession;
    const [mta = '', filter = ''] = diagram(slow).split('\n');
    expect(mta.length).toBeLessThan(100);
    expect(mta.length).toBe(filter.length);
    expect(diagram(PAUSES, { unit: 100 }).split('\n').slice(0, 2)).toEqual([
      'mta     (OHMRAQ)|',
      'filter  (occr)--|',
    ]);
  });

  it('has no end where the recording has none, and nothing of nothing', () => {
    expect(diagram({ id: '1', frames: PAUSES.frames.slice(0, 3) }, { unit: 1 }).split('\n')[0]).toBe(
      'mta     O-H',
    );
    expect(diagram({ id: '1', frames: [] })).toBe('mta     \nfilter  \n');
  });

  it.each([0, -1, NaN])('refuses a unit of %d', (unit) => {
    expect(() => diagram(PAUSES, { unit })).toThrow(
      new RangeError(`diagram(): unit is ${unit}; it has to be a number of milliseconds above 0.`),
    );
  });
});

describe('compareReplies', () => {
  const filter = compose(
    observe(['header', 'body'], () => undefined),
    on('rcpt', ({ address }) => address.startsWith('mallory@') && reject('No such user')),
    on('eom', async () => {
      await Promise.resolve();
      return addHeader('X-Seen', 'yes');
    }),
  );

  it('finds no difference where the filter is the same', async () => {
    const { session } = await recorded(filter);
    expect(await compareReplies(session, filter)).toEqual([]);
  });

  it('finds none either where it only asks the MTA for other events', async () => {
    const { session } = await recorded(
      compose(
        on(ALL.slice(0, 9) as 'mail'[], () => undefined),
        filter,
      ),
    );
    expect(await compareReplies(session, filter)).toEqual([]);
  });

  it('says at which event something else is said, and what', async () => {
    const { session } = await recorded(filter);
    const other = compose(
      on('rcpt', ({ address }) => address.startsWith('mallory@') && tempfail('Perhaps later')),
      on('eom', () => [addHeader('X-Seen', 'no'), accept()]),
    );
    const differences = await compareReplies(session, other);
    expect(differences).toEqual([
      {
        event: 'rcpt <mallory@example.org>',
        ms: expect.any(Number),
        recorded: ['replycode 550 5.7.1 No such user'],
        replayed: ['replycode 451 4.7.1 Perhaps later'],
      },
      {
        event: 'eom',
        ms: expect.any(Number),
        recorded: ['addHeader X-Seen: yes', 'continue'],
        replayed: ['addHeader X-Seen: no', 'accept'],
      },
    ]);
  });

  it('does not count what comes after a decision that was not there before', async () => {
    const { session } = await recorded(filter);
    expect(
      await compareReplies(
        session,
        on('mail', () => reject()),
      ),
    ).toEqual([
      {
        event: 'mail <alice@example.com>',
        ms: expect.any(Number),
        recorded: ['continue'],
        replayed: ['reject'],
      },
    ]);
  });

  it('is told the options that the filter was served with', async () => {
    const failing = on('rcpt', () => {
      throw new Error('broken');
    });
    const { session } = await recorded(failing);
    expect(await compareReplies(session, failing)).toEqual([]);
    const [difference] = await compareReplies(session, failing, { failure: reject() });
    expect(difference).toMatchObject({ recorded: ['tempfail'], replayed: ['reject'] });
  });

  it('rejects where the filter does not even agree to the offer', async () => {
    const { session } = await recorded(filter);
    const refusing = { negotiate: () => reject() } as const;
    await expect(compareReplies(session, filter, refusing)).rejects.toThrow('The milter failed at optneg');
  });

  it('compares a session that was recorded from its middle on', async () => {
    const { session } = await recorded(filter);
    const middle = { ...session, frames: session.frames.slice(4) };
    expect(await compareReplies(middle, filter)).toEqual([]);
  });

  it('goes on with recipients, but not with content, after a refused DATA', async () => {
    const [mail, rcpt] = [
      { type: 'mail', address: '<a@b.test>', args: [] },
      { type: 'rcpt', address: '<c@d.test>', args: [] },
    ] as const;
    const eom = { type: 'eom', data: Buffer.alloc(0) } as const;
    const refusesData = conversation(
      [mail, 'continue'],
      [rcpt, 'continue'],
      [{ type: 'data' }, 'reject'],
      [rcpt, 'continue'],
      [{ type: 'data' }, 'reject'],
      [{ type: 'abort' }],
    );
    let recipients = 0;
    const other = compose(
      on('rcpt', () => ++recipients === 2 && reject()),
      on('data', () => reject()),
    );
    expect(await compareReplies(refusesData, other)).toMatchObject([
      { event: 'rcpt <c@d.test>', recorded: ['continue'], replayed: ['reject'] },
    ]);
    const passes = conversation(
      [mail, 'continue'],
      [rcpt, 'continue'],
      [{ type: 'data' }, 'continue'],
      [eom, 'accept'],
    );
    expect(
      await compareReplies(
        passes,
        on('data', () => reject()),
      ),
    ).toMatchObject([{ event: 'data', replayed: ['reject'] }]);
  });

  it('asks about an unknown command after the end of a message', async () => {
    const session = conversation(
      [{ type: 'mail', address: '<a@b.test>', args: [] }, 'continue'],
      [{ type: 'rcpt', address: '<c@d.test>', args: [] }, 'continue'],
      [{ type: 'eom', data: Buffer.alloc(0) }, 'continue'],
      [{ type: 'unknown', text: 'XYZZY' }, 'reject'],
    );
    const filter = on('unknown', () => reject());
    expect(await compareReplies(session, filter)).toEqual([]);
  });

  it('takes accept at the end of a message for what it is there: to go on', async () => {
    const [mail, rcpt, eom] = [
      { type: 'mail', address: '<a@b.test>', args: [] },
      { type: 'rcpt', address: '<c@d.test>', args: [] },
      { type: 'eom', data: Buffer.alloc(0) },
    ] as const;
    const atEnd = conversation([mail, 'continue'], [rcpt, 'continue'], [eom, 'accept']);
    const goesOn = on('eom', () => undefined);
    expect(await compareReplies(atEnd, goesOn)).toEqual([]);
    const before = conversation([mail, 'continue'], [rcpt, 'accept'], [eom, 'continue']);
    expect(await compareReplies(before, goesOn)).toMatchObject([
      { event: 'rcpt <c@d.test>', recorded: ['accept'], replayed: ['continue'] },
    ]);
    const refuses = conversation([mail, 'continue'], [rcpt, 'continue'], [eom, 'reject']);
    expect(await compareReplies(refuses, goesOn)).toMatchObject([{ event: 'eom', recorded: ['reject'] }]);
  });
});

/** A session of commands and the replies to them. */
function conversation(
  ...steps: readonly (readonly [Command, ...('continue' | 'accept' | 'reject')[]])[]
): RecordedSession {
  const frames = steps.flatMap(([message, ...replies]): RecordedFrame[] => [
    { ms: 0, from: 'mta', message },
    ...replies.map((type): RecordedFrame => ({ ms: 0, from: 'filter', message: { type } })),
  ]);
  return { id: '1', frames };
}
