import fc from 'fast-check';
import { setImmediate as next } from 'node:timers/promises';
import {
  edit,
  type BodyMode,
  type Message,
  compose,
  type Filter,
  observe,
  onMessage,
  on,
  perMessage,
  accept,
  reject,
  addHeader,
} from 'rxmilter';
import { type Simulation, simulate } from 'rxmilter/testing';
import { describe, expect, it, vi } from 'vitest';

import { FUZZ_TIMEOUT, fuzz } from '../fuzz/support/fuzz.js';
import { openIn } from '../message/support/descriptors.js';
import { scratch } from '../message/support/scratch.js';
import { expectQuiet } from './support/quiet.js';

/** What a filter of a pipeline does. */
type Part =
  | {
      readonly kind: 'whole';
      readonly mode: BodyMode;
      readonly memory: number;
      readonly act: Act;
      readonly slow: number;
    }
  | { readonly kind: 'prefix'; readonly maxBytes: number; readonly memory: number }
  | { readonly kind: 'refuse'; readonly who: number }
  | { readonly kind: 'look'; readonly stage: 'body' | 'eom' }
  | { readonly kind: 'piece'; readonly slow: number }
  | { readonly kind: 'stamp' };
type Act = 'leave' | 'add' | 'subject' | 'body' | 'same' | 'reject' | 'accept' | 'throw';

interface Letter {
  readonly recipients: number;
  readonly headers: readonly string[];
  readonly pieces: readonly number[];
  /** After which step it ends, and how; `undefined` where it comes to its end. */
  readonly cut: { readonly after: number; readonly how: 'abort' | 'mail' | 'hang' } | undefined;
}

const slow = fc.integer({ min: 0, max: 3 });
const memory = fc.constantFrom(0, 30, 1_000_000);
const part: fc.Arbitrary<Part> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('whole' as const),
      mode: fc.constantFrom<BodyMode>('buffer', 'buffer', 'stream', 'none'),
      memory,
      act: fc.constantFrom<Act>(
        'leave',
        'add',
        'subject',
        'body',
        'same',
        'reject',
        'accept',
        'throw',
        'add',
        'body',
      ),
      slow,
    }),
  },
  fc.record({ kind: fc.constant('prefix' as const), maxBytes: fc.integer({ min: 0, max: 60 }), memory }),
  fc.record({ kind: fc.constant('refuse' as const), who: fc.integer({ min: 0, max: 2 }) }),
  fc.record({ kind: fc.constant('look' as const), stage: fc.constantFrom('body' as const, 'eom' as const) }),
  fc.record({ kind: fc.constant('piece' as const), slow }),
  fc.record({ kind: fc.constant('stamp' as const) }),
);
const letter: fc.Arbitrary<Letter> = fc.record({
  recipients: fc.integer({ min: 1, max: 3 }),
  headers: fc.array(fc.constantFrom('Subject', 'X-A', 'X-B'), { maxLength: 4 }),
  pieces: fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 4 }),
  cut: fc.option(
    fc.record({
      after: fc.integer({ min: 0, max: 12 }),
      how: fc.constantFrom('abort' as const, 'mail' as const, 'hang' as const),
    }),
    { nil: undefined, freq: 2 },
  ),
});
const run = fc.record({
  parts: fc.array(part, { minLength: 1, maxLength: 5 }),
  letters: fc.array(letter, { minLength: 1, maxLength: 3 }),
  offer: fc.constantFrom(
    { version: 6 },
    { version: 6, protocol: 0x1fffff & ~0x400 },
    { version: 2, actions: 0x3f, protocol: 0x7f },
  ),
  chunks: fc.constantFrom('whole' as const, 'bytes' as const, { seed: 1 }),
  each: fc.boolean(),
});

/** What a message is, and has become so far. */
interface Model {
  recipients: string[];
  headers: string[];
  body: string;
  verdict: 'continue' | 'accept' | 'reject' | 'tempfail';
}

const textOf = ({ pieces }: Letter): string => pieces.map((size, at) => String(at).repeat(size)).join('');
const address = (at: number): string => `r${at}@b.test`;

/** What was seen by each part that was asked, as text. */
type Seen = [part: number, what: string][];

async function describeMessage(message: Message<BodyMode>): Promise<string> {
  const { recipients, headers, body } = message;
  let text: string;
  if (body === undefined) text = 'none';
  else if ('bytes' in body) text = `${await body.text()} ${body.complete}`;
  else text = String(Buffer.concat(await body.readable().toArray()));
  return [
    recipients.map((one) => one.address),
    [...headers].map(({ name, value }) => `${name}=${value}`),
    text,
  ].join(' | ');
}

async function pauses(count: number): Promise<void> {
  for (let at = 0; at < count; at++) await next();
}

function filterOf(one: Part, at: number, directory: string, seen: Seen, signals: AbortSignal[]): Filter {
  switch (one.kind) {
    case 'whole':
      return onMessage(
        { body: one.mode as 'buffer', directory, limits: { memory: one.memory } },
        async (message, { signal }) => {
          signals.push(signal);
          seen.push([at, await describeMessage(message)]);
          await pauses(one.slow);
          return answerOf(one.act, at, message);
        },
      );
    case 'prefix':
      return onMessage(
        { maxBytes: one.maxBytes, directory, limits: { memory: one.memory } },
        async (message) => {
          seen.push([at, await describeMessage(message)]);
        },
      );
    case 'refuse':
      return on('rcpt', (rcpt) => (rcpt.address === address(one.who) ? reject() : undefined));
    case 'look':
      return observe(one.stage, () => undefined);
    case 'piece':
      return on('body', () => pauses(one.slow));
    case 'stamp':
      return on('eom', () => addHeader('X-Stamp', String(at)));
  }
}

function answerOf(
  act: Act,
  at: number,
  message: Message,
):
  | ReturnType<typeof accept>
  | ReturnType<typeof reject>
  | ReturnType<typeof addHeader>
  | ReturnType<typeof edit>
  | undefined {
  switch (act) {
    case 'leave':
      return undefined;
    case 'add':
      return addHeader('X-Added', String(at));
    case 'subject':
      return edit(message, (draft) => void draft.headers.set('Subject', `changed ${at}`));
    case 'body':
      return edit(message, (draft) => void (draft.body = `body of ${at}`));
    case 'same':
      return edit(message, (draft) => void (draft.body = message.body));
    case 'reject':
      return reject();
    case 'accept':
      return accept();
    case 'throw':
      throw new Error('broken');
  }
}

/** The same in a few lines: what each part is to see, and what becomes of the message. */
function expected(parts: readonly Part[], given: Letter): { readonly seen: Seen; readonly model: Model } {
  const refused = parts.flatMap((one) => (one.kind === 'refuse' ? [address(one.who)] : []));
  const original = textOf(given);
  const model: Model = {
    recipients: Array.from({ length: given.recipients }, (_, at) => address(at)).filter(
      (one) => !refused.includes(one),
    ),
    headers: given.headers.map((name, at) => `${name}=${at}`),
    body: original,
    verdict: 'continue',
  };
  const seen: Seen = [];
  let replaced = false;
  parts.forEach((one, at) => {
    if (model.verdict !== 'continue') return;
    const show = (body: string): void =>
      void seen.push([at, [model.recipients, model.headers, body].join(' | ')]);
    if (one.kind === 'prefix') {
      const cut = !replaced && model.body.length > one.maxBytes;
      show(`${cut ? model.body.slice(0, one.maxBytes) : model.body} ${!cut}`);
    } else if (one.kind === 'stamp') {
      model.headers.push(`X-Stamp=${at}`);
    } else if (one.kind === 'whole') {
      show({ buffer: `${model.body} true`, stream: original, none: 'none' }[one.mode]);
      if (one.act === 'add') model.headers.push(`X-Added=${at}`);
      if (one.act === 'subject') {
        const index = model.headers.findIndex((field) => field.startsWith('Subject='));
        if (index === -1) model.headers.push(`Subject=changed ${at}`);
        else model.headers[index] = `Subject=changed ${at}`;
      }
      if (one.act === 'body') {
        replaced = true;
        model.body = `body of ${at}`;
      }
      if (one.act === 'reject' || one.act === 'accept') model.verdict = one.act;
      if (one.act === 'throw') model.verdict = 'tempfail';
    }
  });
  return { seen, model };
}

/** Says a message step by step, and how it went: `undefined` where it was cut off. */
async function say(
  mta: Simulation,
  { recipients, headers, pieces, cut }: Letter,
): Promise<string | undefined> {
  const steps: (() => Promise<{ readonly verdict: string }>)[] = [
    () => mta.mail('s@a.test'),
    ...Array.from({ length: recipients }, (_, at) => () => mta.rcpt(address(at))),
    ...headers.map((name, at) => () => mta.header(name, String(at))),
    () => mta.eoh(),
    ...pieces.map((size, at) => () => mta.body(String(at).repeat(size))),
    () => mta.eom(),
  ];
  let skipping = false;
  let accepted = 0;
  for (const [at, step] of steps.entries()) {
    const isBody = at > steps.length - 2 - pieces.length && at < steps.length - 1;
    if (skipping && isBody) continue;
    if (cut?.after === at) {
      if (cut.how === 'hang') {
        const told = step();
        mta.hangUp();
        await told;
      } else if (cut.how === 'abort') await mta.abort();
      else await mta.mail();
      return undefined;
    }
    if (at === recipients + 1 && accepted === 0) {
      await mta.abort();
      return undefined;
    }
    const { verdict } = await step();
    if (at > 0 && at <= recipients && verdict === 'continue') accepted++;
    if (verdict === 'skip') skipping = true;
    else if (verdict !== 'continue' && !(at <= recipients && at > 0)) return verdict;
    else if (at === steps.length - 1) return verdict;
  }
  return undefined;
}

describe('any pipeline of onMessage and others', () => {
  expectQuiet();
  const directoryOf = scratch();

  it(
    'shows each filter what the ones before it have made of each message, and leaves nothing behind',
    async () => {
      const directory = directoryOf();
      await fuzz(150, run, async ({ parts, letters, offer, chunks, each }) => {
        const seen: Seen = [];
        const signals: AbortSignal[] = [];
        const make = (): Filter =>
          compose(...parts.map((one, at) => filterOf(one, at, directory, seen, signals)));
        const options = { offer, chunks };
        const filter = each ? perMessage(make) : make();
        let mta = await simulate(filter, options);
        // A stream is done with a message before its end: what the others are asked then is another matter.
        const early = parts.some((one) => one.kind === 'whole' && one.mode === 'stream');
        const asked = parts.some(({ kind }) => ['whole', 'prefix', 'stamp'].includes(kind));
        for (const given of letters) {
          seen.length = 0;
          const before = mta.outcomes.length;
          const verdict = await say(mta, given);
          if (verdict === undefined) {
            if (given.cut?.how === 'hang') {
              await mta.close();
              mta = await simulate(filter, options);
            }
            continue;
          }
          const { seen: wanted, model } = expected(parts, given);
          const outcomes = mta.outcomes.slice(before);
          const decided = outcomes.filter(({ stage }) => stage === 'eom' || stage === 'body').at(-1);
          if (early) {
            const verdicts = parts.flatMap((one) => (one.kind === 'whole' ? [one.act] : []));
            if (verdict === 'reject') expect(verdicts).toContain('reject');
            else if (verdict === 'tempfail') expect(verdicts).toContain('throw');
            else expect(['accept', 'continue']).toContain(verdict);
            for (const one of seen.filter(
              ([at]) => parts[at]?.kind === 'whole' && kindOf(parts[at]) !== 'stream',
            )) {
              expect(one[1]).toContain(model.recipients.join());
            }
          } else {
            expect(verdict).toBe(model.verdict);
            expect(seen).toEqual(wanted);
            expect(outcomes.filter(({ stage }) => stage === 'eom')).toHaveLength(1);
            expect(outcomes.flatMap(({ error }) => error ?? [])).toHaveLength(
              model.verdict === 'tempfail' ? 1 : 0,
            );
          }
          if (asked) expect(decided?.decision?.kind.replace('allow', 'continue') ?? 'continue').toBe(verdict);
        }
        await mta.close();
        await vi.waitFor(() => expect(openIn(directory)).toEqual([]), { interval: 1 });
      });
    },
    FUZZ_TIMEOUT,
  );
});

function kindOf(one: Part | undefined): string {
  return one?.kind === 'whole' ? one.mode : '';
}
