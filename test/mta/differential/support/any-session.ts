import fc from 'fast-check';

import type { Offer } from './converse.js';
import { instruct, type Instruction } from './instructions.js';
import { say, type Step } from './steps.js';

const signs = (all: string): fc.Arbitrary<string> => fc.constantFrom(...Array.from(all));

/** Text of which nothing is a delimiter of its place; bytes above 127 included. */
const word = fc.string({ unit: signs('abcXYZ019 .,;:~%{"\'\xe9\xff'), maxLength: 12 });
const line = fc.string({ unit: signs('abc XYZ 019.%ß€'), minLength: 1, maxLength: 30 });
const token = fc.stringMatching(/^[A-Za-z0-9=+.-]{1,10}$/);
const headerName = fc.constantFrom('Subject', 'subject', 'X-Note', 'From', 'Received');

const refusal = fc.oneof(
  fc.constantFrom<string[][]>(['reject'], ['tempfail']),
  fc
    .tuple(fc.constantFrom('5', '4'), fc.boolean(), fc.array(line, { minLength: 1, maxLength: 3 }))
    .map(([digit, enhanced, lines]) => {
      // Several lines always have an enhanced code in libmilter.
      const code = enhanced || lines.length > 1 ? `${digit}.7.1` : '';
      return [digit === '5' ? 'reject' : 'tempfail', `${digit}50`, code, ...lines];
    }),
  fc.constant<string[]>(['tempfail', '421', '4.7.0', 'Bye']),
);

const words = (...lists: readonly string[][]): fc.Arbitrary<string[]> => fc.constantFrom(...lists);

/** What may be decided, by stage. */
const decision: Readonly<Record<string, fc.Arbitrary<string[]>>> = {
  connect: fc.oneof(refusal, words(['accept'], ['continue'])),
  helo: fc.oneof(refusal, words(['accept'], ['continue'])),
  mail: fc.oneof(refusal, words(['accept'], ['discard'], ['continue'])),
  rcpt: fc.oneof(refusal, refusal, words(['accept'], ['discard'], ['continue'])),
  data: fc.oneof(refusal, words(['accept'], ['discard'], ['continue'])),
  header: fc.oneof(refusal, words(['accept'], ['discard'], ['continue'])),
  eoh: fc.oneof(refusal, words(['accept'], ['discard'], ['continue'])),
  body: fc.oneof(refusal, words(['accept'], ['discard'], ['continue'])),
  bodyWithSkip: fc.oneof(refusal, words(['accept'], ['discard'], ['skip'])),
  eom: fc.oneof(refusal, words(['accept'], ['discard'], ['continue'])),
  unknown: fc.oneof(refusal, words(['continue'])),
};

/** One instruction in so many cases. */
const instructionFor = (
  stage: string,
  oneIn: number,
  decisions = decision[stage] ?? refusal,
): fc.Arbitrary<Instruction[]> =>
  fc.oneof(
    { weight: oneIn - 1, arbitrary: fc.constant<Instruction[]>([]) },
    {
      weight: 1,
      arbitrary: decisions.map((chosen) => [[stage, ...chosen] as unknown as Instruction]),
    },
  );

/**
 * Changes to headers in an order that means the same to whoever numbers headers in whatever way: new values, then
 * deletions from the last of a name on, then additions. `order-changes.ts` of the library may exchange what is independent.
 */
const headerChanges = fc
  .tuple(
    fc.uniqueArray(fc.tuple(fc.constantFrom('1', '2'), fc.constantFrom('Subject', 'X-Note'), line), {
      maxLength: 3,
      selector: ([index, name]) => `${index}${name}`,
    }),
    fc.uniqueArray(fc.constantFrom('3', '2', '1'), { maxLength: 2 }),
    fc.array(
      fc.oneof(
        fc.tuple(fc.constant('add'), fc.constantFrom('X-New', 'X-Newer'), word),
        fc.tuple(fc.constant('insert'), fc.constantFrom('0', '2147483646'), fc.constant('X-In'), word),
      ),
      { maxLength: 3 },
    ),
  )
  .map(([values, deletions, additions]) => [
    ...values.map(([index, name, value]) => ['change', index, name, value]),
    ...deletions
      .sort()
      .reverse()
      .map((index) => ['delete', index, 'From']),
    ...additions,
  ]);

const otherChanges = fc.array(
  fc.oneof(
    token.map((name) => ['addrcpt', `<${name}@example.org>`]),
    fc.tuple(token, token).map(([name, arg]) => ['addrcpt', `<${name}@example.org>`, arg]),
    token.map((name) => ['delrcpt', `<${name}@example.org>`]),
    token.map((name) => ['from', `<${name}@example.com>`]),
    line.map((reason) => ['quarantine', reason]),
  ),
  { maxLength: 3 },
);
const bodyChange = fc.option(
  fc.oneof(
    line.map((text) => ['body', text]),
    fc.nat(70_000).map((size) => ['fill', `${size}`, 'x']),
  ),
);

/** Modifications of all kinds, mixed as they may be without a change of meaning. */
const changes = fc
  .tuple(headerChanges, otherChanges, bodyChange, fc.array(fc.boolean(), { minLength: 8, maxLength: 8 }))
  .map(([headers, others, body, coins]) => {
    const [one, other] = [[...headers], body === null ? [...others] : [body, ...others]];
    const mixed: string[][] = [];
    while (one.length > 0 || other.length > 0) {
      const coin = coins[mixed.length] === true;
      const from = one.length === 0 || (coin && other.length > 0) ? other : one;
      mixed.push(from.shift() ?? []);
    }
    return mixed.map((told) => ['eom', ...told] as unknown as Instruction);
  });

const address = (told: readonly Instruction[], domain: string): string =>
  `<${told.length === 0 ? 'someone' : instruct(...told)}@${domain}>`;

const rcpt = fc
  .tuple(instructionFor('rcpt', 3), fc.array(token, { maxLength: 2 }))
  .map(([told, args]) => say.rcpt(address(told, 'example.org'), ...args));
const unknown = fc
  .tuple(instructionFor('unknown', 2), word)
  .map(([told, text]) => say.unknown(`${text} ${told.length === 0 ? '' : instruct(...told)}`));
const header = fc
  .tuple(headerName, word, instructionFor('header', 12))
  .map(([name, value, told]) =>
    say.header(name, told.length === 0 ? `${value}\n\t${value}` : instruct(...told)),
  );
const body = fc.uint8Array({ minLength: 1, maxLength: 300 }).map((bytes) => say.body(bytes));
const interruption = fc.constantFrom<Step[][]>(
  [say.abort()],
  [say.helo('again.example.com')],
  [say.abort(), say.abort()],
  [],
);

const messageWhere = (canSkip: boolean): fc.Arbitrary<Step[]> =>
  fc
    .record({
      told: fc.tuple(
        instructionFor('mail', 12),
        instructionFor('data', 12),
        instructionFor('eoh', 12),
        instructionFor('body', 6, canSkip ? decision.bodyWithSkip : decision.body),
        changes,
        instructionFor('eom', 3),
      ),
      args: fc.array(token, { maxLength: 2 }),
      before: fc.array(unknown, { maxLength: 1 }),
      rcpts: fc.array(fc.oneof({ weight: 5, arbitrary: rcpt }, unknown), { minLength: 1, maxLength: 4 }),
      headers: fc.array(header, { maxLength: 4 }),
      bodies: fc.array(body, { maxLength: 3 }),
      last: fc.oneof(
        { weight: 4, arbitrary: fc.constant(new Uint8Array()) },
        fc.uint8Array({ maxLength: 50 }),
      ),
      cut: fc.oneof({ weight: 4, arbitrary: fc.constant(null) }, fc.nat(16)),
      interruption,
      ending: interruption,
    })
    .map(({ told, args, before, rcpts, headers, bodies, last, cut, interruption, ending }) => {
      const decided = told.flat().filter((one) => isThere(one, headers));
      // libmilter answers twice where the last piece in BODYEOB is decided.
      const eom = decided.some(([stage]) => stage === 'body') ? say.eom() : say.eom(last);
      const sender = say.mail(address([['eom', 'seen'], ...decided], 'example.com'), ...args);
      const whole = [sender, ...rcpts, say.data(), ...headers, say.eoh(), ...bodies, eom];
      return [
        ...before,
        ...(cut === null ? [...whole, ...ending] : [...whole.slice(0, cut + 1), ...interruption]),
      ];
    });

/**
 * Whether an instruction changes a header that the message has, if it changes one: what is not there is an addition to
 * rxmilter where any header was shown (see `deliberate-changes.test.ts`).
 */
function isThere([, verb, index, name = '']: Instruction, headers: readonly Step[]): boolean {
  if (verb !== 'change' || headers.length === 0) return true;
  const names = headers.map(({ bytes }) => bytes.toString('latin1', 5).split('\0', 1)[0]?.toLowerCase());
  return names.filter((one) => one === name.toLowerCase()).length >= Number(index);
}

/** A session with one message or several, with instructions in it. */
const sessionWhere = (canSkip: boolean): fc.Arbitrary<Step[]> =>
  fc
    .tuple(
      instructionFor('connect', 15),
      instructionFor('helo', 15),
      fc.array(messageWhere(canSkip), { minLength: 1, maxLength: 3 }),
    )
    .map(([connect, helo, messages]) => [
      say.connect(connect.length === 0 ? undefined : instruct(...connect)),
      say.helo(helo.length === 0 ? undefined : instruct(...helo)),
      ...messages.flat(),
      say.quit(),
    ]);

/** What the MTAs of the last twenty years offer. libmilter sends SKIP also to those that do not know it. */
const current = fc.constantFrom<Offer[]>(
  { version: 6, actions: 0x1ff, protocol: 0x1fffff },
  { version: 6, actions: 0xff, protocol: 0x1fffff },
);
const old = fc.constantFrom<Offer[]>(
  { version: 4, actions: 0x1ff, protocol: 0x37f },
  { version: 3, actions: 0x1ff, protocol: 0x17f },
  { version: 2, actions: 0x1ff, protocol: 0x7f },
);

/** What an MTA offers, and what it says then. */
export const anySession: fc.Arbitrary<[Offer, Step[]]> = fc.oneof(
  { weight: 2, arbitrary: fc.tuple(current, sessionWhere(true)) },
  { weight: 1, arbitrary: fc.tuple(old, sessionWhere(false)) },
);
