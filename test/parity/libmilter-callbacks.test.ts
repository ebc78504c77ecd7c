import { map, type OperatorFunction } from 'rxjs';
import {
  NegotiationError,
  ProjectError,
  SMFIP,
  StaleReplyError,
  accept,
  compose,
  discard,
  observe,
  on,
  allow,
  reject,
  serve,
  skip,
  tempfail,
  type Flow,
  type MilterEvent,
  type SessionOptions,
  type Stage,
} from 'rxmilter';
import { describe, expect, it } from 'vitest';

import { optneg, said, type Bytes } from '../support/session-frames.js';
import { link, opened } from '../support/session-link.js';
import { latin1 } from '../support/vectors.js';
import { asked } from './support/asked.js';

const STAGES: readonly Stage[] = [
  'connect',
  'helo',
  'mail',
  'rcpt',
  'data',
  'header',
  'eoh',
  'body',
  'eom',
  'unknown',
];
const pass = (): undefined => undefined;
/** An operator of which nothing is known. */
const opaque: OperatorFunction<Flow, Flow> = map((flow) => flow);

describe('what libmilter has in smfiDesc: a filter', () => {
  it('needs no name: what goes wrong is reported with its stage and its session', () => {
    const mta = opened(
      on('rcpt', () => {
        throw new Error('did not expect that');
      }),
    );
    expect(mta.ask('C16')).toEqual(said('R06'));
    expect(mta.outcomes).toEqual([
      expect.objectContaining({ stage: 'rcpt', session: mta.session.info, error: expect.any(ProjectError) }),
    ]);
  });

  it('speaks the version of the protocol that the MTA offers, from 2 to 6', () => {
    for (const version of [2, 3, 4, 5, 6]) {
      const mta = link(on('mail', pass));
      mta.ask(optneg(version, 0x3f, 0x7f));
      expect(mta.session.info.version).toBe(version);
    }
  });

  it('asks for all rights where it decides at the end of a message, and for none where it does not', () => {
    expect(asked(on('eom', pass))?.actions).toBe(0xff);
    expect(asked(on('rcpt', pass))?.actions).toBe(0);
  });

  it('asks for the rights in actions, and for no others', () => {
    expect(asked(on('eom', pass), { rights: ['ADDHDRS', 'QUARANTINE', 'CHGFROM'] })?.actions).toBe(0x61);
  });

  it('leaves the signals to the program that it runs in', async () => {
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGPIPE'] as const;
    const before = signals.map((signal) => process.listenerCount(signal));
    const server = await serve(on('rcpt', pass), { listen: 'inet:0@127.0.0.1' });
    expect(signals.map((signal) => process.listenerCount(signal))).toEqual(before);
    await server.close();
  });
});

describe('the callbacks of libmilter: a filter', () => {
  it.each<[string, Stage, Bytes[], object]>([
    [
      'gets the client at connect',
      'connect',
      ['C03'],
      { host: 'mail.example.com', family: 'inet', port: 54321, address: '192.0.2.25' },
    ],
    ['gets the name at helo', 'helo', ['C10'], { name: 'client.example.com' }],
    [
      'gets the sender and its arguments at mail',
      'mail',
      ['C12'],
      {
        address: 'alice@example.com',
        args: ['SIZE=1234', 'BODY=8BITMIME'],
        params: { SIZE: '1234', BODY: '8BITMIME' },
        raw: latin1('<alice@example.com>'),
      },
    ],
    [
      'gets the recipient, its arguments and its sender at rcpt',
      'rcpt',
      ['C12', 'C16'],
      {
        address: 'bob@example.org',
        args: ['NOTIFY=NEVER'],
        params: { NOTIFY: 'NEVER' },
        raw: latin1('<bob@example.org>'),
        mail: expect.objectContaining({ address: 'alice@example.com' }),
      },
    ],
    ['gets the DATA command at data', 'data', ['C18'], {}],
    ['gets a header at header', 'header', ['C19'], { name: 'Subject', value: 'Hello', raw: latin1('Hello') }],
    ['gets the end of the headers at eoh', 'eoh', ['C24'], {}],
    ['gets a piece of the body, as bytes, at body', 'body', ['C25'], { chunk: latin1('Hello\r\n') }],
    ['gets the end of the message at eom', 'eom', ['C26'], { modifications: [] }],
    [
      'gets an SMTP command that the MTA does not know at unknown',
      'unknown',
      ['C31'],
      { command: 'FOO bar' },
    ],
  ])('%s, and may refuse it', (_what, stage, commands, fields) => {
    const seen: MilterEvent[] = [];
    const mta = opened(
      on(stage, (event) => {
        seen.push(event);
        return reject();
      }),
    );
    expect(mta.ask(...commands).at(-1)).toEqual(said('R05')[0]);
    expect(seen).toEqual([expect.objectContaining({ stage, session: mta.session.info, ...fields })]);
  });

  it('is told of an abort, and cannot answer it', () => {
    const seen: string[] = [];
    const mta = opened(observe(['mail', 'abort'], ({ stage }) => void seen.push(stage)));
    expect(mta.ask('C12', 'C28', 'C12', 'C29')).toEqual([]);
    expect(seen).toEqual(['mail', 'abort', 'mail', 'abort']);
  });

  it('is told once of the end of the connection, and cannot answer it', () => {
    const seen: string[] = [];
    const mta = opened(observe('close', ({ stage }) => void seen.push(stage)));
    expect(mta.ask('C03', 'C10', 'C29')).toEqual([]);
    expect(seen).toEqual(['close']);
  });

  it('has the last word about the negotiation in the negotiate hook', () => {
    const offers: unknown[] = [];
    const negotiate: SessionOptions['negotiate'] = (offer, derived) => {
      offers.push(offer);
      return { ...derived, protocol: derived.protocol & ~SMFIP.NOHDRS };
    };
    const usual = asked(on('rcpt', pass))?.protocol ?? 0;
    expect(usual & 0x20).toBe(0x20);
    expect(asked(on('rcpt', pass), { negotiate })?.protocol).toBe(usual & ~0x20);
    expect(offers).toEqual([{ version: 6, actions: 0x1ff, protocol: 0x1fffff }]);
  });
});

describe('the values that the callbacks of libmilter return: a filter', () => {
  const ofMessages = STAGES.filter((stage) => !['connect', 'helo', 'unknown'].includes(stage));

  it('continues where it returns nothing', () => {
    for (const stage of STAGES) expect(opened(on(stage, pass)).ask(COMMAND[stage])).toEqual(said('R03'));
  });

  // Lists of stages are too wide for the types, which know at which of them a decision is legal.
  it.each([
    ['continues where it returns allow()', STAGES as ['eom'], () => allow(), 'R03'],
    [
      'accepts where it returns accept()',
      STAGES.filter((stage) => stage !== 'unknown') as ['eom'],
      () => accept(),
      'R04',
    ],
    ['refuses where it returns reject()', STAGES as ['eom'], () => reject(), 'R05'],
    ['defers where it returns tempfail()', STAGES as ['eom'], () => tempfail(), 'R06'],
    ['has the message vanish where it returns discard()', ofMessages as ['eom'], () => discard(), 'R07'],
  ] as const)('%s, and no later filter is asked', (_what, stages, decide, reply) => {
    for (const stage of stages) {
      const later: string[] = [];
      const mta = opened(
        compose(
          on(stage, decide),
          on(stage, () => void later.push(stage)),
        ),
      );
      expect([stage, mta.ask(COMMAND[stage]), later]).toEqual([stage, said(reply), []]);
    }
  });

  it('gets no more of the body where it returns skip()', () => {
    expect((asked(on('body', () => skip()))?.protocol ?? 0) & 0x400).toBe(0x400);
    expect(opened(on('body', () => skip())).ask('C25')).toEqual(said('R08'));
  });

  it('says nothing, and costs no waiting, where it only observes', () => {
    const seen: string[] = [];
    const stages = STAGES.filter((stage) => stage !== 'eom');
    const mta = opened(observe(stages, ({ stage }) => void seen.push(stage)));
    expect(mta.ask(...stages.map((stage) => COMMAND[stage]))).toEqual([]);
    expect(seen).toEqual(stages);
  });

  it('has its answer dropped, and reported, where it was agreed to give none', () => {
    const mta = link(
      on('mail', () => reject()),
      {
        negotiate: (_offer, derived) => ({ ...derived, protocol: derived.protocol | SMFIP.NR_MAIL }),
      },
    );
    mta.ask('C01');
    expect(mta.ask('C12')).toEqual([]);
    expect(mta.errors).toEqual([expect.any(StaleReplyError)]);
  });

  it('agrees to what was derived from it where the negotiate hook returns nothing', () => {
    for (const filter of [on('rcpt', pass), opaque]) {
      expect(asked(filter, { negotiate: () => undefined })).toEqual(asked(filter));
    }
  });

  it('gets every event and every right where it is an operator of which nothing is known', () => {
    expect(asked(opaque)).toMatchObject({ version: 6, actions: 0xff, protocol: 0x400 });
  });

  it('agrees to the terms that the negotiate hook returns', () => {
    const terms = { version: 6, actions: 0x21, protocol: 0x3 };
    expect(asked(opaque, { negotiate: () => ({ ...terms, macros: {} }) })).toEqual({ ...terms, lists: [] });
  });

  it('refuses the MTA where the negotiate hook returns more than was offered', () => {
    const more = link(opaque, { negotiate: (_offer, derived) => ({ ...derived, actions: 0x1ff }) });
    expect(more.ask(optneg(6, 0xff, 0x1fffff))).toEqual([]);
    expect(more.errors).toEqual([expect.any(NegotiationError)]);
  });

  it('refuses the MTA, without a word, where the negotiate hook returns reject()', () => {
    const mta = link(compose(), { negotiate: () => reject() });
    expect(mta.ask('C01')).toEqual([]);
    expect(mta.io.state).toBe('ended');
  });
});

/** A command of each stage. */
const COMMAND: Readonly<Record<Stage, string>> = {
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
};
