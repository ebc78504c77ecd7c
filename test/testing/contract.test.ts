import { setTimeout as pause } from 'node:timers/promises';
import {
  type OperatorFunction,
  concatMap,
  debounceTime,
  delay,
  filter as keep,
  identity,
  map,
  mergeMap,
  of,
  pipe,
  take,
  tap,
} from 'rxjs';
import {
  compose,
  observe,
  on,
  perMessage,
  answer,
  accept,
  discard,
  allow,
  reject,
  skip,
  tempfail,
  type Flow,
  addHeader,
  replaceBody,
} from 'rxmilter';
import { ContractError, type ContractOptions, type ContractRule, contract } from 'rxmilter/testing';
import { describe, expect, it } from 'vitest';

import { STAGES } from '../../src/session/stage.js';

/** For filters that leave an event without an answer. */
const SHORT = { timeout: 100 };

type Operator = OperatorFunction<Flow, Flow>;

/** What each rule that a filter breaks says. */
async function broken(
  filter: Operator,
  options: ContractOptions = {},
): Promise<Partial<Record<ContractRule, string>>> {
  const found: Partial<Record<ContractRule, string>> = {};
  for (const { rule, check } of contract(filter, { timeout: 60_000, settle: 20, ...options })) {
    try {
      await check();
    } catch (error) {
      if (!(error instanceof ContractError)) throw error;
      expect(error.rule).toBe(rule);
      expect(error.message).toMatch(/^At .*: [^]*\nThe rule: /);
      [found[rule]] = error.message.split('\nThe rule: ') as [string];
    }
  }
  return found;
}

/** An operator that does something to the events of one stage. */
function at<S extends Flow['stage']>(
  stage: S,
  change: (flow: Extract<Flow, { stage: S }>) => Flow,
): Operator {
  return map((flow) => (flow.stage === stage ? change(flow as Extract<Flow, { stage: S }>) : flow));
}

const slowDown: Operator = (source) => {
  let recipients = 0;
  return source.pipe(
    tap(
      (flow) => void (recipients = flow.stage === 'mail' ? 0 : recipients + (flow.stage === 'rcpt' ? 1 : 0)),
    ),
    concatMap((flow) => (flow.stage === 'rcpt' && recipients > 1 ? of(flow).pipe(delay(5)) : of(flow))),
    map((flow) => (flow.stage === 'rcpt' && recipients > 1 ? answer(flow, tempfail('Too many')) : flow)),
  );
};

const collecting = perMessage(() => {
  const names: string[] = [];
  let bytes = 0;
  return compose(
    on('rcpt', async ({ address }, { signal }) => {
      await pause(2, undefined, { signal });
      return address.startsWith('carol@') && reject('No such user');
    }),
    observe('header', ({ name }) => void names.push(name)),
    observe('body', ({ chunk }) => void (bytes += chunk.length)),
    on('eom', () => [addHeader('X-Seen', `${names.join(',')} ${bytes}`), replaceBody('x')]),
  );
});

describe('the contract', () => {
  it.each<[string, Operator]>([
    ['nothing', identity],
    ['nothing at all', compose()],
    ['pass everything on', on(STAGES, () => undefined)],
    ['wait before they pass everything on', on(STAGES, () => pause(1).then(() => undefined))],
    ['decide and change, with state of a message', collecting],
    ['are operators of their own', slowDown],
    ['are RxJS put together', pipe(slowDown, collecting)],
    ['refuse every client', on('connect', () => reject('Closed'))],
    ['accept every client', on('connect', () => accept())],
    ['refuse every recipient', on('rcpt', () => reject('Closed'))],
    [
      'refuse every recipient, and so expect no content',
      compose(
        on('rcpt', () => reject('Closed')),
        on('data', () => {
          throw new Error('There are no recipients.');
        }),
      ),
    ],
    ['throw every message away', on('rcpt', () => discard())],
    ['want no more than a bit of the body', on('body', () => skip())],
    ['decide without an end to anything', on(['mail', 'rcpt', 'header'], () => allow())],
    ['never answer after an abort', on('rcpt', (_rcpt, { signal }) => pause(20, reject(), { signal }))],
  ])('is kept by filters that do %s', async (_what, filter) => {
    expect(await broken(filter)).toEqual({});
  });

  it('names its checks as tests, one a rule', () => {
    expect(contract(identity).map(({ rule, name }) => [rule, name])).toEqual([
      ['no-state', 'carries nothing over from one message to the next'],
      ['identity', 'passes on, as they are, the events that it does not decide'],
      ['one-outcome', 'makes exactly one thing of each event'],
      ['after-abort', 'says nothing more of a message that was aborted'],
      ['modifications', 'changes messages at their end only'],
      ['no-errors', 'fails at no event'],
      ['returned', 'returns every answer that it makes'],
      ['protocol', 'keeps to the protocol, whatever a mail server offers and says'],
    ]);
  });

  it('takes mails, macros and options of the session', async () => {
    const seen: unknown[] = [];
    const filter = on(
      'mail',
      ({ address, session }) => void seen.push([address, session.macros.get('auth_authen')]),
    );
    const options: ContractOptions = {
      mails: [
        { sender: 'mine@b.test', recipients: ['a@b.test'], client: { address: '192.0.2.9' }, helo: 'x.test' },
      ],
      macros: { auth_authen: 'alice' },
      session: { version: 6, macros: { mail: ['{auth_authen}'] } },
    };
    expect(await broken(filter, options)).toEqual({});
    expect(seen.some((one) => JSON.stringify(one) === '["mine@b.test","alice"]')).toBe(true);
    expect(() => contract(filter, { mails: [] })).toThrow(
      'contract(): mails is []; it has to be an array of mails, one at least, to try the filter with.',
    );
  });
});

describe('the identity of undecided events', () => {
  it('is broken by copies', async () => {
    expect(await broken(at('header', (flow) => ({ ...flow, value: flow.value.toUpperCase() })))).toEqual({
      identity: 'At header From: "Alice <alice@example.com>": a copy came out, with other value.',
    });
    expect(await broken(at('data', (flow) => ({ ...flow })))).toEqual({
      identity: 'At data: a copy came out.',
    });
  });

  it('is broken by a copy of the end of a message with more than modifications', async () => {
    const session = {} as never;
    expect(
      (
        await broken(
          at('eom', (flow) => ({ ...flow, session })),
          SHORT,
        )
      ).identity,
    ).toBe('At eom: a copy came out, with other session.');
  });

  it('is broken by events that never were, and replies to them', async () => {
    const made = at('data', ({ session }) => ({ stage: 'data', session }));
    expect((await broken(made, SHORT)).identity).toBe('At data: data came out, and no such event went in.');
    const replied = at('data', ({ session }) => answer({ stage: 'data', session }, allow()));
    expect((await broken(replied, SHORT)).identity).toBe(
      'At data: a reply to it came out, and no such event went in.',
    );
  });
});

describe('one outcome an event', () => {
  it.each<[string, Operator, string]>([
    ['swallows an event', keep((flow) => flow.stage !== 'data'), 'At data: nothing came of it.'],
    ['swallows an abort', keep((flow) => flow.stage !== 'abort'), 'At abort: nothing came of it.'],
    ['swallows the end', keep((flow) => flow.stage !== 'close'), 'At close: nothing came of it.'],
    ['waits for the next', debounceTime(300), 'At connect client.example [192.0.2.1]: nothing came of it.'],
    [
      'doubles an event',
      mergeMap((flow) => (flow.stage === 'data' ? of(flow, flow) : of(flow))),
      'At data: 2 things came of it: data; data.',
    ],
    [
      'decides, and passes on as well',
      mergeMap((flow) => (flow.stage === 'data' ? of(answer(flow, allow()), flow) : of(flow))),
      'At data: 2 things came of it: reply to data: allow; data.',
    ],
    ['is too slow', on('data', () => pause(500).then(() => undefined)), 'At data: nothing came of it.'],
    [
      'completes',
      take(3),
      'At mail <alice@example.com> SIZE=90000 BODY=8BITMIME: the filter itself completed.',
    ],
  ])('is broken by a filter that %s', async (_what, filter, said) => {
    expect((await broken(filter, SHORT))['one-outcome']).toBe(said);
  });

  it('is broken by a filter that fails as a whole', async () => {
    const fails = map<Flow, Flow>((flow) => {
      if (flow.stage === 'data') throw new Error('broken');
      return flow;
    });
    expect((await broken(fails, SHORT))['one-outcome']).toBe('At data: the filter itself failed: broken');
  });

  it('is all that a doubled event breaks', async () => {
    expect(
      Object.keys(await broken(mergeMap((flow) => (flow.stage === 'data' ? of(flow, flow) : of(flow))))),
    ).toEqual(['one-outcome']);
  });
});

describe('silence after an abort', () => {
  const late = (stage: Flow['stage']): Operator =>
    mergeMap((flow) =>
      flow.stage === stage && flow.stage !== 'reply' && flow.stage !== 'abort' && flow.stage !== 'close'
        ? of(flow).pipe(
            delay(5),
            map((event) => answer(event, tempfail())),
          )
        : of(flow),
    );

  it.each(['mail', 'rcpt', 'data', 'header', 'eoh', 'body', 'eom'] as const)(
    'is broken by a late reply at %s, and nothing else is',
    async (stage) => {
      const found = await broken(late(stage));
      expect(Object.keys(found)).toEqual(['after-abort']);
      expect(found['after-abort']).toMatch(
        new RegExp(`^At ${stage}\\b.*: after its message was aborted came reply to ${stage}`),
      );
    },
  );

  it.each(['connect', 'helo'] as const)(
    'is kept where the connection goes away with the pipeline, at %s',
    async (stage) => {
      expect(await broken(late(stage))).toEqual({});
    },
  );

  it('is not tried behind a refusal, where no mail server goes on', async () => {
    const filter = pipe(
      on('rcpt', (_rcpt, { signal }) => pause(2, reject('Closed'), { signal })),
      late('data'),
    );
    expect(await broken(filter)).toEqual({});
  });

  it('looks as long as it is told to', async () => {
    const filter: Operator = mergeMap((flow) =>
      flow.stage === 'rcpt' ? of(answer(flow, reject())).pipe(delay(60)) : of(flow),
    );
    const rule = (settle: number): Promise<void> | undefined =>
      contract(filter, { settle })
        .find((one) => one.rule === 'after-abort')
        ?.check();
    await expect(rule(1)).resolves.toBeUndefined();
    await expect(rule(300)).rejects.toThrow(ContractError);
  });
});

describe('no state across messages', () => {
  it('is broken by a counter beside the filter', async () => {
    let recipients = 0;
    const counts = compose(
      observe('mail', () => undefined),
      on('rcpt', () => (++recipients > 2 ? reject('Too many') : undefined)),
    );
    expect((await broken(counts))['no-state']).toBe(
      'At rcpt <bob@example.org>: the first time the MTA was told: continue; ' +
        'on a second connection: reject 550 5.7.1 Too many.',
    );
  });

  it('is broken by what is put back at the end of a message only', async () => {
    let names: string[] = [];
    const collects = compose(
      observe('header', ({ name }) => void names.push(name)),
      on('eom', () => {
        const seen = names.length;
        names = [];
        return addHeader('X-Headers', String(seen));
      }),
    );
    expect(await broken(collects)).toEqual({
      'no-state':
        'At eom: the first time the MTA was told: continue + addHeader X-Headers "4"; ' +
        'after an abort: continue + addHeader X-Headers "8".',
    });
  });

  it('is broken by what a connection keeps of earlier messages', async () => {
    const remembers: Operator = (source) => {
      let messages = 0;
      return source.pipe(
        tap((flow) => void (messages += flow.stage === 'mail' ? 1 : 0)),
        map((flow) => (flow.stage === 'mail' && messages > 1 ? answer(flow, reject('One is enough')) : flow)),
      );
    };
    expect((await broken(remembers))['no-state']).toBe(
      'At mail <alice@example.com>: the first time the MTA was told: continue; ' +
        'after other messages: reject 550 5.7.1 One is enough.',
    );
  });
});

describe('modifications', () => {
  it('may not be on a reply before the end', async () => {
    const changes = at('header', (flow) => ({
      stage: 'reply',
      to: flow,
      decision: allow(),
      modifications: [addHeader('X', 'y')],
    }));
    expect((await broken(changes)).modifications).toBe(
      'At header From: "Alice <alice@example.com>": what came of it has on it: addHeader X "y".',
    );
  });

  it('may not be returned before the end', async () => {
    const changes = on('header', (() => addHeader('X', 'y')) as never);
    expect(await broken(changes)).toEqual({
      modifications: expect.stringMatching(
        /^At header: addHeader\(\) is not legal at stage header: a message can be changed only at eom\. \(at contract\.test\.ts:\d+:\d+\)/,
      ) as string,
    });
  });
});

describe('errors', () => {
  it('are told with the stage and the cause', async () => {
    const fails = on('mail', ({ address }) => {
      if (address === '') throw new Error('no null senders');
    });
    expect(await broken(fails)).toEqual({
      'no-errors': 'At mail: The filter failed at stage mail: no null senders',
    });
  });

  it('are illegal decisions, too', async () => {
    expect(await broken(on('helo', (() => discard()) as never))).toMatchObject({
      'no-errors': expect.stringContaining('discard() is not legal at stage helo'),
    });
  });
});

describe('the protocol', () => {
  it('is broken by what two messages share that come at the same time', async () => {
    let sender = '';
    const shares = compose(
      observe('mail', ({ address }) => void (sender = address)),
      on('eom', () => addHeader('X-Sender', sender)),
    );
    expect(await broken(shares)).toEqual({
      protocol: expect.stringMatching(
        /^At .*: A reply has the word \w+ in it, which only another message has\. \(leak\) A message is decided/,
      ) as string,
    });
  });
});
