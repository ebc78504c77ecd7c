import { EventEmitter, once } from 'node:events';
import { type OperatorFunction, identity, map } from 'rxjs';
import {
  type Message,
  compose,
  observe,
  onMessage,
  on,
  perConnection,
  perMessage,
  when,
  reject,
  skip,
  type Flow,
} from 'rxmilter';
import { type SimulateOptions, simulate } from 'rxmilter/testing';
import { describe, expect, it } from 'vitest';

import { expectQuiet } from '../operators/support/quiet.js';

/** What becomes of five pieces of a body of ten bytes each: `c` continue, `s` skip, `-` not sent, `.` not waited for. */
async function course(
  filter: OperatorFunction<Flow, Flow>,
  options: SimulateOptions = {},
  messages = 1,
): Promise<string> {
  const mta = await simulate(filter, options);
  let said = '';
  for (let message = 0; message < messages; message++) {
    await mta.mail();
    await mta.rcpt();
    await mta.header();
    await mta.eoh();
    let over = false;
    for (let piece = 0; piece < 5; piece++) {
      if (over) {
        said += '-';
        continue;
      }
      const { verdict, asked } = await mta.body('0123456789');
      over = verdict !== 'continue';
      said += asked ? verdict.slice(0, 1) : '.';
    }
    await mta.eom();
    if (message < messages - 1) said += ' ';
  }
  const errors = mta.outcomes.flatMap(({ error }) => (error === undefined ? [] : [error.message]));
  await mta.close();
  return errors.length === 0 ? said : errors.join();
}

const prefix = (maxBytes: number): OperatorFunction<Flow, Flow> => onMessage({ maxBytes }, () => undefined);
const whole = onMessage(() => undefined);
const none = onMessage({ body: 'none' }, () => undefined);
const looks = observe('body', () => undefined);
const decides = on('body', () => undefined);
const foreign: OperatorFunction<Flow, Flow> = map((flow) => flow);
/** Reads so many pieces of the body, and then stops. */
const pieces = (count: number): OperatorFunction<Flow, Flow> =>
  onMessage({ body: 'stream' }, async ({ body }: Message<'stream'>) => {
    let left = count;
    for await (const _piece of body) if (--left === 0) break;
  });

describe('enough of a body', () => {
  expectQuiet();

  it.each<[string, OperatorFunction<Flow, Flow>, string]>([
    ['a filter that has none', none, '.....'],
    ['one that wants all of it', whole, '.....'],
    ['a prefix that ends within a piece', prefix(15), 'cs---'],
    ['one that ends with a piece, since the next shows that there is more', prefix(20), 'ccs--'],
    ['one of nothing', prefix(0), 's----'],
    ['one that the body does not reach', prefix(50), 'ccccc'],
    ['a stream whose reader stops at a piece', pieces(2), 'cs---'],
    [
      'a stream that nobody reads, and whose project has answered',
      onMessage({ body: 'stream' }, () => undefined),
      's----',
    ],
    ['two prefixes, of which none can speak for both', compose(prefix(35), prefix(15)), 'ccccc'],
    ['a prefix and a stream', compose(prefix(15), pieces(3)), 'ccccc'],
    ['a prefix before one that wants all', compose(prefix(15), whole), 'ccccc'],
    ['a prefix behind one that wants all', compose(whole, prefix(15)), 'ccccc'],
    ['a prefix beside one without body', compose(none, prefix(15), none), 'cs---'],
    ['a prefix before one that looks', compose(prefix(15), looks), 'ccccc'],
    ['a prefix behind one that looks', compose(looks, prefix(15)), 'ccccc'],
    ['a prefix before one that decides', compose(prefix(15), decides), 'ccccc'],
    ['a prefix behind one that decides', compose(decides, prefix(15)), 'ccccc'],
    ['a prefix before an operator of unknown needs', compose(prefix(15), foreign), 'ccccc'],
    ['a prefix behind one', compose(foreign, prefix(15)), 'ccccc'],
    ['a prefix beside identity', compose(identity, prefix(15)), 'cs---'],
    [
      'skip() of one filter, which speaks for all',
      compose(
        whole,
        on('body', () => skip()),
      ),
      's----',
    ],
    [
      'a refusal',
      compose(
        prefix(15),
        on('body', () => reject()),
      ),
      'r----',
    ],
    ['a prefix for each message', perMessage(() => prefix(15)), 'cs---'],
    ['a prefix for each connection', perConnection(() => prefix(15)), 'cs---'],
    ['a prefix this way, all the other', when(() => true, prefix(15), whole), 'ccccc'],
    ['all this way, a prefix the other', when(() => false, prefix(15), compose(whole, decides)), 'ccccc'],
    ['a prefix that way, nothing this way', when(() => false, prefix(15)), 's----'],
    [
      'a prefix that way, and one that looks in any case',
      compose(
        looks,
        when(() => false, prefix(15)),
      ),
      'ccccc',
    ],
    ['an operator of unknown needs the other way', when(() => true, decides, foreign), 'ccccc'],
    ['one of unknown needs this way', when(() => false, prefix(15), foreign), 'ccccc'],
    [
      'ways within ways',
      when(
        () => true,
        when(() => false, none, prefix(15)),
        none,
      ),
      'cs---',
    ],
    [
      'a prefix on a way within a way that is not taken',
      when(
        () => true,
        none,
        when(() => false, none, prefix(15)),
      ),
      's----',
    ],
    [
      'a prefix behind a way without a reader',
      compose(
        when(() => true, none, none),
        prefix(15),
      ),
      'cs---',
    ],
  ])('%s', async (_name, filter, said) => {
    expect(await course(filter)).toBe(said);
    // Nothing is left over from the message before.
    expect(await course(filter, {}, 2)).toBe(`${said} ${said}`);
  });

  it('is for each message what that one needs', async () => {
    let message = 0;
    const filter = when(() => message++ % 2 === 0, prefix(15), none);
    expect(await course(filter, {}, 3)).toBe('cs--- s---- cs---');
  });

  it('is taken in silence from an MTA that does not know SKIP, and reaches no filter', async () => {
    let seen = 0;
    const counting = onMessage({ body: 'stream' }, async ({ body }) => {
      for await (const piece of body) {
        seen += piece.length;
        if (seen >= 20) break;
      }
    });
    expect(await course(counting, { offer: { version: 2, protocol: 0x7f } })).toBe('ccccc');
    expect(seen).toBe(20);
    expect(await course(prefix(15), { offer: { version: 6, protocol: 0x1fffff & ~0x400 } })).toBe('ccccc');
  });

  it('is said with the whole frame where a filter has it in parts', async () => {
    const sizes: number[] = [];
    const filter = onMessage({ maxBytes: 70_000 }, async ({ body }) => {
      sizes.push(body.size, (await body.bytes()).length);
    });
    const mta = await simulate(filter);
    await mta.mail();
    await mta.eoh();
    const told = await mta.body(Buffer.alloc(200_000, 'x'));
    expect(told.verdict).toBe('skip');
    await mta.eom();
    await mta.close();
    expect(sizes).toEqual([70_000, 70_000]);
  });

  it('is not what a filter has that takes its time for a piece', async () => {
    const gate = new EventEmitter();
    const slow = on('body', async () => {
      await once(gate, 'go');
    });
    const mta = await simulate(compose(prefix(5), slow));
    await mta.mail();
    await mta.eoh();
    const told = mta.body('0123456789');
    await new Promise((resolve) => setImmediate(resolve));
    gate.emit('go');
    expect((await told).verdict).toBe('continue');
    await mta.close();
  });
});
