import fc from 'fast-check';
import { Subject } from 'rxjs';
import { on, type StageEvent, type Stage } from 'rxmilter';
import { expect, it } from 'vitest';

import { frame, optneg } from '../support/session-frames.js';
import { Link } from '../support/session-link.js';

type Kind = 'allow' | 'accept' | 'reject' | 'tempfail' | 'discard' | 'skip';

/** What the filter does with one command. */
interface Plan {
  /** `undefined`: it leaves it. */
  readonly kind: Kind | undefined;
  /** Whether it waits to be told. */
  readonly later: boolean;
}

const STAGES: Readonly<Record<string, Stage>> = {
  C: 'connect',
  H: 'helo',
  M: 'mail',
  R: 'rcpt',
  T: 'data',
  L: 'header',
  N: 'eoh',
  B: 'body',
  E: 'eom',
  U: 'unknown',
};
const NO: Readonly<Record<string, number>> = {
  C: 0x1,
  H: 0x2,
  M: 0x4,
  R: 0x8,
  T: 0x200,
  L: 0x20,
  N: 0x40,
  B: 0x10,
  E: 0,
  U: 0x100,
};
const NR: Readonly<Record<string, number>> = {
  C: 0x1000,
  H: 0x2000,
  M: 0x4000,
  R: 0x8000,
  T: 0x10000,
  L: 0x80,
  N: 0x40000,
  B: 0x80000,
  E: 0,
  U: 0x20000,
};
const LETTERS: Readonly<Record<Kind, string>> = {
  allow: 'c',
  accept: 'a',
  reject: 'r',
  tempfail: 't',
  discard: 'd',
  skip: 's',
};

/** The decisions of table 2.13 of the protocol. */
function kindsAt(letter: string): readonly Kind[] {
  if (letter === 'U') return ['allow', 'reject', 'tempfail'];
  if (letter === 'C' || letter === 'H') return ['allow', 'accept', 'reject', 'tempfail'];
  return ['allow', 'accept', 'reject', 'tempfail', 'discard', ...(letter === 'B' ? (['skip'] as const) : [])];
}

/** A command, with the number of its plan in it; what has no data has it in a macro before. */
function bytesOfCommand(letter: string, number: number): Buffer {
  const text = String(number);
  switch (letter) {
    case 'C':
      return frame('C', `${text}\0U`);
    case 'L':
      return frame('L', `X\0${text}\0`);
    case 'B':
      return frame('B', Buffer.alloc(3, number));
    case 'T':
    case 'N':
    case 'E':
      return Buffer.concat([frame('D', `${letter}n\0${text}\0`), frame(letter)]);
    case 'A':
    case 'Q':
    case 'K':
      return frame(letter);
    default:
      return frame(letter, `${text}\0`);
  }
}

function numberOf(event: StageEvent): number {
  switch (event.stage) {
    case 'connect':
      return Number(event.host);
    case 'helo':
      return Number(event.name);
    case 'mail':
    case 'rcpt':
      return Number(event.address);
    case 'header':
      return Number(event.value);
    case 'body':
      return event.chunk[0] ?? -1;
    case 'unknown':
      return Number(event.command);
    default:
      return Number(event.session.macros.get('n'));
  }
}

interface Said {
  readonly letter: string;
  readonly plan: Plan;
}

/** What the protocol has the MTA be told, worked out without any of our code. */
class Model {
  readonly expected: string[] = [];
  readonly #decided: ReadonlySet<string>;
  readonly #protocol: number;
  #pending: Said | undefined;
  #queue: Said[] = [];
  #inMessage = false;
  #skipping = false;
  /** The filter has accepted the message and hears no more of it. */
  #accepted = false;
  /** The same of the whole connection, up to another one on the same socket. */
  #passed = false;
  over = false;

  constructor(decided: ReadonlySet<string>, protocol: number) {
    this.#decided = decided;
    this.#protocol = protocol;
  }

  get pending(): boolean {
    return this.#pending !== undefined;
  }

  say(said: Said): void {
    if (this.over) return;
    const cancels = 'AQK'.includes(said.letter);
    if (this.#pending !== undefined && !cancels) {
      this.#queue.push(said);
      return;
    }
    this.#pending = undefined;
    if (cancels) this.#queue = [];
    this.#take(said);
  }

  /** The filter is told to say what it waited with. */
  resolve(): void {
    const said = this.#pending;
    if (said === undefined) return;
    this.#pending = undefined;
    this.#answer(said);
    while (!this.pending) {
      const next = this.#queue.shift();
      if (next === undefined) return;
      this.#take(next);
    }
  }

  #take(said: Said): void {
    const { letter } = said;
    if ('AQKCHM'.includes(letter)) {
      this.#end();
      this.#accepted = false;
    }
    if ('CK'.includes(letter)) this.#passed = false;
    if (letter === 'Q') this.over = true;
    if ('AQK'.includes(letter)) return;
    const over = this.#passed || (this.#accepted && !'CHU'.includes(letter));
    if (letter === 'E') this.#accepted = false;
    if (!'CHU'.includes(letter) && !over) this.#inMessage = true;
    const quiet = ((NR[letter] ?? 0) & this.#protocol) !== 0;
    if (quiet) return;
    if (over || !this.#decided.has(letter) || (letter === 'B' && this.#skipping)) {
      this.expected.push('c');
      if (letter === 'E') this.#end();
    } else if (said.plan.later) {
      this.#pending = said;
    } else {
      this.#answer(said);
    }
  }

  #answer({ letter, plan }: Said): void {
    const kind = plan.kind ?? 'allow';
    const understood = kind !== 'skip' || (this.#protocol & 0x400) !== 0;
    this.expected.push(understood ? LETTERS[kind] : 'c');
    if (letter === 'E') return this.#end();
    if ('CH'.includes(letter) && kind === 'accept') this.#passed = true;
    if (kind === 'allow' || 'CHU'.includes(letter)) return;
    // Without MAIL the next message cannot be told from the rest of this one.
    this.#accepted = kind === 'accept' && (this.#protocol & 0x04) === 0;
    if (kind === 'skip') this.#skipping = true;
    else if (!('RT'.includes(letter) && (kind === 'reject' || kind === 'tempfail'))) this.#end();
  }

  #end(): void {
    if (!this.#inMessage) return;
    this.#inMessage = false;
    this.#skipping = false;
  }
}

const said = fc.constantFrom(...Array.from('CHMRTLNBEURLBMETABRTLNBEUAK')).chain((letter) =>
  fc.record({
    letter: fc.constant(letter),
    plan: fc.record({
      kind: fc.option(fc.constantFrom(...kindsAt(letter)), { nil: undefined }),
      later: fc.boolean(),
    }),
  }),
);
const step = fc.oneof(
  { weight: 6, arbitrary: said },
  { weight: 2, arbitrary: fc.constant('resolve' as const) },
  // So many bytes of what was said are on their way.
  { weight: 2, arbitrary: fc.nat(40) },
);

const conversation = fc.record({
  steps: fc.array(step, { maxLength: 60, size: 'max' }),
  decided: fc.subarray([...Object.keys(STAGES)]),
  quiet: fc.subarray(Object.keys(NR)),
  off: fc.oneof(fc.constant<string[]>([]), fc.subarray(Object.keys(NO))),
  skip: fc.boolean(),
  quit: fc.boolean(),
});

it('every command that wants a reply gets one, in order, and no other does', { timeout: 60_000 }, () => {
  fc.assert(
    fc.property(conversation, ({ steps, decided, quiet, off, skip, quit }) => {
      const bits = (table: Readonly<Record<string, number>>, letters: readonly string[]): number =>
        letters.reduce((all, letter) => all | (table[letter] ?? 0), 0);
      const protocol = bits(NR, quiet) | bits(NO, off) | (skip ? 0x400 : 0);
      const plans: Plan[] = [];
      const waiting = new Set<{ told: Subject<{ kind: Kind } | undefined>; number: number }>();
      const stages = decided.map((letter) => STAGES[letter] ?? 'eom');
      const filter = on(stages, (event) => {
        const number = numberOf(event);
        const plan = plans[number];
        if (plan === undefined) throw new Error(`No plan ${number} at ${event.stage}.`);
        const answer = plan.kind === undefined ? undefined : { kind: plan.kind };
        if (!plan.later) return answer as never;
        const told = new Subject<{ kind: Kind } | undefined>();
        waiting.add({ told, number });
        return told as never;
      });
      const link = new Link(filter, { negotiate: () => ({ version: 6, actions: 0, protocol, macros: {} }) });
      try {
        link.send(optneg(6, 0x1ff, 0x1fffff));
        link.heard();
        const model = new Model(new Set(decided), protocol);
        const heard: string[] = [];
        let unsent = Buffer.alloc(0);
        const send = (length: number): void => {
          if (unsent.length > 0) link.send(unsent.subarray(0, length));
          unsent = unsent.subarray(length);
        };
        const check = (): void => {
          heard.push(...link.heard().map((one) => Buffer.from(one, 'hex').toString('latin1', 4)));
          expect(heard).toEqual(model.expected);
        };
        /** One command's wait is over: a body that came in parts is asked about part by part. */
        const resolve = (): void => {
          const live = [...waiting].filter(({ told }) => told.observed);
          expect(live.length).toBe(model.pending ? 1 : 0);
          model.resolve();
          const number = live[0]?.number;
          for (let next = live[0]; next !== undefined && next.number === number;) {
            waiting.clear();
            const kind = plans[next.number]?.kind;
            next.told.next(kind === undefined ? undefined : { kind });
            next.told.complete();
            next = [...waiting].find(({ told }) => told.observed);
          }
        };
        for (const one of quit
          ? [...steps, { letter: 'Q', plan: { kind: undefined, later: false } }]
          : steps) {
          if (typeof one === 'number') {
            send(one);
          } else if (one === 'resolve') {
            send(unsent.length);
            resolve();
            check();
          } else if (((NO[one.letter] ?? 0) & protocol) === 0) {
            unsent = Buffer.concat([unsent, bytesOfCommand(one.letter, plans.length)]);
            plans.push(one.plan);
            model.say(one);
          }
        }
        send(unsent.length);
        check();
        while (model.pending) {
          resolve();
          check();
        }
        expect(link.io.state).toBe(quit ? 'ended' : 'open');
        expect(link.errors.filter(({ name }) => name !== 'StaleReplyError')).toEqual([]);
      } finally {
        link.connection.destroy();
      }
    }),
    { numRuns: 2000 },
  );
});

it('any bytes at all are survived, and what is broken in them ends the connection', () => {
  const whole = Buffer.concat(Array.from('CHMRTLNBE', (letter, number) => bytesOfCommand(letter, number)));
  const filter = on(['connect', 'mail', 'header', 'body', 'eom'], () => undefined);
  fc.assert(
    fc.property(
      fc.array(fc.record({ at: fc.nat(whole.length - 1), byte: fc.nat(255) }), { maxLength: 4 }),
      fc.array(fc.nat(whole.length), { maxLength: 6 }),
      fc.uint8Array({ maxLength: 30 }),
      (changes, cuts, tail) => {
        const bytes = Buffer.concat([whole, tail]);
        for (const { at, byte } of changes) bytes[at] = byte;
        const link = new Link(filter);
        try {
          link.send(optneg(6, 0x1ff, 0x1fffff));
          let from = 0;
          for (const at of [...cuts.sort((left, right) => left - right), bytes.length]) {
            link.send(Buffer.from(bytes.subarray(from, at)));
            from = at;
          }
          link.heard();
          const broken = link.errors.filter(({ name }) => name === 'ProtocolError');
          expect(link.errors).toEqual(broken);
          expect(broken.length).toBeLessThanOrEqual(1);
          if (broken.length > 0) expect(link.io.state).toBe('ended');
          if (link.io.state === 'ended') expect(link.completed).toBe(true);
        } finally {
          link.connection.destroy();
        }
      },
    ),
    { numRuns: 1000 },
  );
});
