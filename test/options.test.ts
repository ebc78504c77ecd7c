import { of } from 'rxjs';
import {
  inheritedSockets,
  listen,
  deadline,
  on,
  onMessage,
  openSocket,
  reject,
  remote,
  serve,
  shadow,
  strictestOf,
  tempfail,
} from 'rxmilter';
import { backoff, sharedLookUp } from 'rxmilter/lookups';
import { MtaConnection, MtaSession, deliver, deliveries, filterEnd, sessionDeliveries } from 'rxmilter/mta';
import {
  bursts,
  clientNetwork,
  greylist,
  memoryCounters,
  memoryKeys,
  memoryScores,
  rateLimit,
  redisCounters,
  redisKeys,
  redisScores,
  reputation,
} from 'rxmilter/policies';
import { compareReplies, diagram, record } from 'rxmilter/recording';
import * as testing from 'rxmilter/testing';
import { describe, expect, it } from 'vitest';

const filter = on('rcpt', () => undefined);
const mail = { sender: '', recipients: ['b@example.org'] };
const redis = { sendCommand: () => Promise.resolve(0) };
const recording = { id: '1', frames: [] };

type Options = Readonly<Record<string, unknown>>;
type Call = (options: Options) => unknown;

/** Every function with options, with options that are right, and one of them misspelt. */
const FUNCTIONS: readonly (readonly [
  name: string,
  call: Call,
  right: Options,
  slip: string,
  meant: string,
])[] = [
  ['serve()', (o) => serve(filter, o as never), { listen: 'inet:0@127.0.0.1' }, 'fialure', 'failure'],
  ['listen()', (o) => listen('inet:0', o), {}, 'maxConections', 'maxConnections'],
  ['openSocket()', (o) => openSocket('inet:0@127.0.0.1', o), {}, 'moed', 'mode'],
  ['inheritedSockets()', (o) => inheritedSockets(o), {}, 'nmae', 'name'],
  ['onMessage()', (o) => onMessage(o as never, () => undefined), {}, 'bdoy', 'body'],
  ['shadow()', (o) => shadow(filter, () => undefined, o), {}, 'maxByte', 'maxBytes'],
  ['strictestOf()', (o) => strictestOf([], o), {}, 'onEror', 'onError'],
  ['remote()', (o) => remote('inet:1@127.0.0.1', o), {}, 'stage', 'stages'],
  ['backoff()', (o) => backoff(o), {}, 'attempt', 'attempts'],
  ['sharedLookUp()', (o) => sharedLookUp((key: string) => of(key), o), {}, 'TTL', 'ttl'],
  ['record()', (o) => record(() => undefined, o), {}, 'redakt', 'redact'],
  ['diagram()', (o) => diagram(recording, o), {}, 'units', 'unit'],
  ['compareReplies()', (o) => compareReplies(recording, filter, o), {}, 'no-reply', 'noReply'],
  ['bursts()', (o) => bursts(o as never), { key: String, threshold: 1, window: 1 }, 'max_keys', 'maxKeys'],
  ['clientNetwork()', (o) => clientNetwork({ address: '', family: 'unknown' }, o), {}, 'ipv44', 'ipv4'],
  ['greylist()', (o) => greylist(o), {}, 'dealy', 'delay'],
  [
    'rateLimit()',
    (o) => rateLimit(o as never),
    { key: 'client', limit: 1, window: 1 },
    'decison',
    'decision',
  ],
  ['reputation()', (o) => reputation(o as never), { threshold: 1, halfLife: 1 }, 'score', 'scores'],
  ['memoryCounters()', (o) => memoryCounters(o), {}, 'maxkeys', 'maxKeys'],
  ['memoryKeys()', (o) => memoryKeys(o), {}, 'schedular', 'scheduler'],
  ['memoryScores()', (o) => memoryScores(o), {}, 'maxKey', 'maxKeys'],
  ['redisCounters()', (o) => redisCounters(redis, o), {}, 'prefics', 'prefix'],
  ['redisKeys()', (o) => redisKeys(redis, o), {}, 'timeOut', 'timeout'],
  ['redisScores()', (o) => redisScores(redis, o), {}, 'pauze', 'pause'],
  ['deliver()', (o) => deliver(mail, o as never), { to: filter }, 'hostnam', 'hostname'],
  ['deliveries()', (o) => deliveries([mail], o as never), { to: filter }, 'concurency', 'concurrency'],
  [
    'sessionDeliveries()',
    (o) => sessionDeliveries([mail], o as never),
    { to: filter },
    'onFailur',
    'onFailure',
  ],
  ['MtaSession.open()', (o) => MtaSession.open(o as never), { to: filter }, 'heloo', 'helo'],
  ['MtaConnection.open()', (o) => MtaConnection.open(filter, o), {}, 'chunk', 'chunks'],
  ['filterEnd()', (o) => filterEnd(filter, o), {}, 'outcomes', 'outcome'],
  ['simulate()', (o) => testing.simulate(filter, o), {}, 'ofer', 'offer'],
  ['contract()', (o) => testing.contract(filter, o), {}, 'mail', 'mails'],
  ['marbles()', (o) => testing.marbles(() => undefined, o), {}, 'expekt', 'expect'],
];

/** Everything that is described by an object with fields. */
const THINGS: typeof FUNCTIONS = [
  ['deliver()', (o) => deliver(o as never, { to: filter }), mail, 'heders', 'headers'],
  ['message()', (o) => testing.message(o), {}, 'form', 'from'],
  ['session()', (o) => testing.session(o), {}, 'hello', 'helo'],
  ['abort()', (o) => testing.abort(o), {}, 'sesion', 'session'],
  ['body()', (o) => testing.body('', o), {}, 'chunks', 'chunk'],
  ['close()', (o) => testing.close(o), {}, 'sesion', 'session'],
  ['connect()', (o) => testing.connect('', o), {}, 'hots', 'host'],
  ['data()', (o) => testing.data(o), {}, 'sesion', 'session'],
  ['eoh()', (o) => testing.eoh(o), {}, 'sesion', 'session'],
  ['eom()', (o) => testing.eom(o), {}, 'modification', 'modifications'],
  ['header()', (o) => testing.header('A', 'b', o), {}, 'nmae', 'name'],
  ['helo()', (o) => testing.helo('a', o), {}, 'nmae', 'name'],
  ['mail()', (o) => testing.mail('a', o), {}, 'parms', 'params'],
  ['rcpt()', (o) => testing.rcpt('a', o), {}, 'adress', 'address'],
  ['unknown()', (o) => testing.unknown('A', o), {}, 'comand', 'command'],
  ['reject()', (o) => reject(o), {}, 'enhance', 'enhanced'],
  ['tempfail()', (o) => tempfail(o), {}, 'txt', 'text'],
];

/** What it throws, or rejects with. */
async function failureOf(call: Call, options: unknown): Promise<Error> {
  try {
    await call(options as Options);
  } catch (error) {
    if (error instanceof Error) return error;
  }
  throw new Error('It did not fail.');
}

/** Whole sentences, about what was given. */
function expectWords(message: string): void {
  expect(message).toMatch(/^[^\n]*[^.?!][.?!]$/);
  expect(message).not.toMatch(/undefined|NaN|\[object|\?\./);
}

describe('a function with options', () => {
  it.each(FUNCTIONS)('%s refuses a name that it does not know', async (name, call, right, slip, meant) => {
    const error = await failureOf(call, { ...right, [slip]: 1 });
    expect(error).toBeInstanceOf(TypeError);
    expect(error.message).toBe(`${name}: there is no option ${slip}. Did you mean ${meant}?`);
  });

  it.each(FUNCTIONS)('%s lists the names where none is near', async (name, call, right, _slip, meant) => {
    const { message } = await failureOf(call, { ...right, quite_another_one: 1 });
    expect(message).toContain(`${name}: there is no option quite_another_one. There are `);
    expect(message).toContain(meant);
    expectWords(message);
  });

  it.each(FUNCTIONS)(
    '%s refuses an option of the wrong type by its name',
    async (name, call, right, _slip, meant) => {
      const error = await failureOf(call, { ...right, [meant]: Symbol('wrong') });
      expect(error).toBeInstanceOf(TypeError);
      expect(error.message).toMatch(new RegExp(`: ${meant} is Symbol\\(wrong\\); it has to be .+`));
      expect(error.message.startsWith(name)).toBe(true);
      expectWords(error.message);
      expect((await failureOf(call, { ...right, [meant]: null })).message).toContain(
        `${meant} is null; it has to be`,
      );
    },
  );

  it.each(FUNCTIONS)('%s takes no other thing for its options', async (name, call) => {
    for (const wrong of [null, 'x', 5, [], () => undefined]) {
      const { message } = await failureOf(call, wrong);
      expect(message).toContain(`${name}: the options are `);
      expectWords(message);
    }
  });
});

describe('a thing that is described by its fields', () => {
  it.each(THINGS)('%s refuses a field that it does not know', async (name, call, right, slip, meant) => {
    const { message } = await failureOf(call, { ...right, [slip]: 1 });
    expect(message).toBe(`${name}: there is no field ${slip}. Did you mean ${meant}?`);
  });
});

describe('options within options', () => {
  it.each([
    [
      { timeouts: { replay: 1 } },
      'serve(): there is no option timeouts.replay. Did you mean timeouts.reply?',
    ],
    [
      { timeouts: { reply: '5' } },
      "serve(): timeouts.reply is '5'; it has to be a number of milliseconds from 1 to",
    ],
    [{ timeouts: 5 }, 'serve(): timeouts is 5; it has to be an object.'],
    [{ reply: 5 }, 'serve(): there is no option reply. Did you mean timeouts: { reply: … }?'],
    [{ macros: { eom: ['a b'] } }, 'serve(): macros.eom is '],
    [{ failure: 'accept' }, 'reject(), accept() or allow() make. Write accept(), without quotation marks.'],
    [
      { failure: tempfail },
      'is a function; it has to be a decision: what tempfail(), reject(), accept() or allow() make. Call it: tempfail().',
    ],
    [
      { listen: undefined },
      "serve(): the option listen is missing. Say where to listen: serve(filter, { listen: 'inet:8891@127.0.0.1' }).",
    ],
    [{ listen: { port: 0, hots: 'x' } }, 'there is no field hots; did you mean host?'],
  ])('%j are checked by their names', async (options, words) => {
    const { message } = await failureOf((o) => serve(filter, o as never), {
      listen: 'inet:0@127.0.0.1',
      ...options,
    });
    expect(message).toContain(words);
    expectWords(message);
  });

  it.each<[string, object]>([
    ['undefined is not given', { initial: undefined }],
    ['a null prototype is none', Object.assign(Object.create(null) as object, { jitter: 0 })],
    ['frozen options are as good', Object.freeze({ jitter: 0 })],
    ['a symbol is nothing to it', { [Symbol('mine')]: 1 }],
    ['what is inherited is read', Object.create({ jitter: 0, other: 1 }) as object],
  ])('%s', (_what, options) => {
    expect(() => backoff(options)).not.toThrow();
  });

  it('are checked where they are inherited', () => {
    const options = Object.create({ jitter: 2 }) as object;
    expect(() => backoff(options)).toThrow('backoff(): jitter is 2; it has to be a number from 0 to 1.');
  });
});

describe('the mails of deliveries()', () => {
  it('may have fields of their own, but none that is nearly one of a mail', async () => {
    const own = { ...mail, number: 7 };
    const seen: number[] = [];
    await new Promise<void>((resolve, reject) => {
      deliveries([own], { to: filter }).subscribe({
        next: (delivery) => void seen.push(delivery.mail.number),
        error: reject,
        complete: resolve,
      });
    });
    expect(seen).toEqual([7]);
    const error = await new Promise<unknown>((resolve) => {
      deliveries([{ ...mail, heders: [] }], { to: filter }).subscribe({ error: resolve });
    });
    expect(error).toEqual(new TypeError('deliveries(): there is no field heders. Did you mean headers?'));
  });
});

describe('an argument that is missing', () => {
  it.each<[() => unknown, string]>([
    [
      () =>
        deadline(
          undefined as never,
          on('rcpt', () => undefined),
          tempfail(),
        ),
      'deadline(): the first argument',
    ],
    [
      () =>
        deadline(
          5,
          on('rcpt', () => undefined),
          undefined as never,
        ),
      'deadline(): the third argument',
    ],
    [() => record(undefined as never), 'record(): the first argument'],
  ])('%s is named once, with what it has to be', (call, subject) => {
    expect(call).toThrow(`${subject} is missing. It has to be `);
  });
});
