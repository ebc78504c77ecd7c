import * as fc from 'fast-check';
import { NEVER, type OperatorFunction, delay, map, mergeMap, of, throwError } from 'rxjs';
import {
  compose,
  observe,
  onMessage,
  on,
  perMessage,
  answer,
  shadow,
  accept,
  discard,
  reject,
  tempfail,
  type Flow,
  addHeader,
  replaceBody,
} from 'rxmilter';
import { describe, expect, it, vi } from 'vitest';

import { STAGES } from '../../src/session/stage.js';
import type { Command } from '../../src/transport/wire/commands.js';
import { openIn } from '../message/support/descriptors.js';
import { scratch } from '../message/support/scratch.js';
import { settle } from './support/drawn.js';
import { expectQuiet } from './support/quiet.js';
import { Wire } from './support/wire.js';

const directoryOf = scratch();

type Operator = OperatorFunction<Flow, Flow>;

/** Filters that do what a filter in the shadow may do. */
const SHADOWS: Readonly<Record<string, () => Operator>> = {
  'refuses at once': () => on(['rcpt', 'header', 'eom'], () => reject()),
  'decides late': () => on(['mail', 'rcpt', 'body', 'eom'], () => of(tempfail()).pipe(delay(7))),
  'never decides': () => on(['rcpt', 'eom'], () => NEVER),
  throws: () =>
    on(STAGES, () => {
      throw new Error('broken');
    }),
  'changes and discards': () => on('eom', () => [addHeader('X', 'y'), replaceBody('gone'), discard()]),
  'reads messages': () =>
    onMessage(async ({ body }) => {
      for await (const _chunk of body);
      return accept();
    }),
  'reads bodies as they come': () =>
    onMessage({ body: 'stream' }, async ({ body }) => {
      for await (const _chunk of body) await Promise.resolve();
      return reject();
    }),
  'has state': () =>
    perMessage(() => {
      let count = 0;
      return on(['rcpt', 'header'], () => (++count > 1 ? discard() : undefined));
    }),
  'is an operator that answers all twice': () =>
    mergeMap((flow: Flow) =>
      flow.stage === 'rcpt' ? of(answer(flow, reject()), answer(flow, reject())) : of(flow),
    ),
  'is an operator that fails': () =>
    mergeMap((flow: Flow) => (flow.stage === 'eoh' ? throwError(() => new Error('broken')) : of(flow))),
  'is an operator that makes copies': () => map((flow: Flow) => ({ ...flow })),
};

const enforced = compose(
  on('rcpt', ({ address }) => (address.startsWith('bad') ? reject('bad') : undefined)),
  on('header', ({ value }) => (value === 'discard' ? discard() : undefined)),
  onMessage(({ body }) => of(addHeader('X-Size', String(body.size))).pipe(delay(3))),
);

const command = fc.oneof(
  fc.constantFrom<Command['type']>(
    'mail',
    'rcpt',
    'data',
    'header',
    'eoh',
    'body',
    'eom',
    'abort',
    'unknown',
    'helo',
    'quitNc',
    'connect',
  ),
  fc.constantFrom<Command>(
    { type: 'rcpt', address: '<bad@example.org>', args: [] },
    { type: 'header', name: 'Subject', value: 'discard' },
    { type: 'body', data: Buffer.alloc(3000, 'x') },
  ),
);
const message = fc.constantFrom<Command['type'][]>(
  ['mail', 'rcpt', 'data', 'header', 'eoh', 'body', 'eom'],
  ['mail', 'rcpt', 'rcpt', 'data', 'header', 'eoh', 'body', 'body', 'eom'],
);
const conversation = fc.array(fc.oneof({ weight: 2, arbitrary: command.map((one) => [one]) }, message), {
  maxLength: 8,
});

describe('mail with a filter in the shadow', () => {
  expectQuiet();

  it.each(Object.keys(SHADOWS))('is answered as without one that %s', async (name) => {
    vi.useFakeTimers();
    await fc.assert(
      fc.asyncProperty(conversation, fc.boolean(), async (steps, quits) => {
        const answers = async (first: Operator): Promise<readonly [Buffer, readonly unknown[]]> => {
          const wire = new Wire({ timeouts: { eom: 50 } }).pipe(compose(first, enforced));
          wire.say('optneg', 'connect', 'helo');
          for (const step of steps.flat()) {
            wire.say(step);
            await vi.advanceTimersByTimeAsync(4);
          }
          if (quits) wire.say('quit');
          else wire.unsubscribe();
          await vi.advanceTimersByTimeAsync(20_000);
          return [
            Buffer.concat(wire.bytes),
            wire.outcomes.map(({ stage, decision, error }) => [stage, decision, error?.message]),
          ];
        };
        // It looks at the same, so that the same is negotiated.
        const looks = observe(STAGES, () => undefined);
        const beside = shadow(compose(looks, SHADOWS[name]?.() ?? compose()), () => undefined, {
          maxBytes: 20_000,
        });
        expect(await answers(beside)).toEqual(await answers(looks));
        expect(vi.getTimerCount()).toBe(0);
      }),
      { numRuns: 25 },
    );
  });

  it('has the files let go of in which a filter in the shadow keeps bodies', async () => {
    const directory = directoryOf();
    const wire = new Wire().pipe(
      shadow(
        onMessage({ directory, limits: { memory: 10 } }, () => NEVER),
        () => undefined,
        { linger: 0 },
      ),
    );
    wire.say('optneg', 'connect', 'mail', 'rcpt', 'header', 'eoh', 'body', 'body', 'eom');
    await vi.waitFor(() => expect(openIn(directory)).toHaveLength(1));
    wire.say('quit');
    await vi.waitFor(() => expect(openIn(directory)).toEqual([]));
    await settle();
  });
});
