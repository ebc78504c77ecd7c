import { vi } from 'vitest';

import { frame } from '../../support/session-frames.js';
import { lend, type Link } from '../../support/session-link.js';
import { Accountant, type Limits } from './accountant.js';
import { TEXTS } from './any-answer.js';
import { describeMove, type Conversation, type Move } from './conversation.js';
import { decodeReply, type AgreedTerms } from './decode-reply.js';
import { macrotask } from './loose-ends.js';
import type { MtaCommand } from './mta-command.js';

const OFFERED_MOST = 6;

/** Plays an MTA against a link, in virtual time, and keeps the books. */
export class Player {
  readonly #link: Link;
  readonly #limits: Limits;
  /** Whether the MTA is slow to read. */
  readonly #slow: boolean;
  readonly transcript: string[] = [];
  #books: Accountant | undefined;
  #unsent: Buffer[] = [];
  /** The letter of the last final reply. */
  #last = '';
  #gone = false;

  constructor(link: Link, limits: Limits, slow: boolean) {
    this.#link = link;
    this.#limits = limits;
    this.#slow = slow;
    link.io.taking = !slow;
  }

  /** Whether the filter has closed the connection. */
  get closed(): boolean {
    return this.#link.io.state !== 'open';
  }

  /** Whether the MTA itself has ended it. */
  get gone(): boolean {
    return this.#gone;
  }

  /** Negotiates, and checks that what is agreed to was offered. */
  negotiate(version: number, actions: number, protocol: number): AgreedTerms | undefined {
    const words = Buffer.alloc(12);
    [version, actions, protocol].forEach((word, at) => words.writeUInt32BE(word >>> 0, 4 * at));
    if (!this.closed) this.#link.send(frame('O', words));
    // A pipeline may end before it has begun, at once or on the next turn.
    if (!this.closed && this.#link.io.writes.length === 0) vi.advanceTimersByTime(0);
    if (this.closed) return undefined;
    const [answer, ...more] = this.#link.heard().map((hex) => Buffer.from(hex, 'hex'));
    if (answer === undefined || more.length > 0) throw new Error(`${more.length} answers to the offer.`);
    const [agreed = 0, granted = 0, steps = 0] = [5, 9, 13].map((at) => answer.readUInt32BE(at));
    this.transcript.push(`agreed: version ${agreed}, actions ${hex(granted)}, protocol ${hex(steps)}`);
    // An offer of no action is one of version 1's (libmilter).
    const most = actions === 0 ? 0xf : actions;
    if (answer[4] !== 0x4f || agreed < 2 || agreed > Math.min(OFFERED_MOST, version))
      throw new Error('A wrong version.');
    if ((granted & ~most) !== 0) throw new Error('Actions beyond the offer.');
    // Of the bits above the flags two offer larger frames: one of them may be agreed to, in version 6.
    const internal = (steps & 0xf0000000) >>> 0;
    const sizes = agreed === 6 ? [0, 0x10000000, 0x20000000] : [0];
    if ((steps & ~protocol) !== 0 || !sizes.includes(internal))
      throw new Error('A protocol beyond the offer.');
    if (answer.length > 17 && (granted & 0x100) === 0)
      throw new Error('Lists of macros without the right to send them.');
    const terms = { version: agreed, actions: granted, protocol: steps };
    this.#books = new Accountant(terms, this.#limits, () => Date.now());
    return terms;
  }

  /** Plays until the MTA or the filter ends it. */
  async play(conversation: Conversation): Promise<void> {
    for (let next = conversation.next(); next.done !== true;) {
      const answer = await this.#move(next.value);
      if (this.closed) return;
      next = conversation.next(answer);
    }
    await this.settle();
  }

  /** Waits for all that is owed: no longer than it may take, and not where nobody would ever answer. */
  async settle(): Promise<void> {
    this.#flush();
    for (;;) {
      if (this.#isSettled()) return;
      await macrotask();
      if (this.#isSettled()) return;
      const { due } = this.#account;
      if (vi.getTimerCount() === 0) throw new Error('Nobody will ever answer.');
      vi.advanceTimersToNextTimer();
      if (Date.now() > due) throw new Error('No answer within its time.');
    }
  }

  /** Lets so many milliseconds pass. */
  async pass(ms: number): Promise<void> {
    await macrotask();
    vi.advanceTimersByTime(ms);
    await macrotask();
    this.#collect();
  }

  async #move(move: Move): Promise<string> {
    this.transcript.push(describeMove(move));
    if (move.do === 'vanish') {
      this.#vanish(move.within);
      return '';
    }
    const { command } = move;
    if (move.do === 'macros') {
      this.#unsent.push(command.macroFrame);
      return '';
    }
    if ('AQK'.includes(command.letter)) {
      this.#flush();
      this.#unsent.push(command.bytes);
      this.#account.sent(command);
      if (command.letter === 'Q') this.#gone = true;
      this.#flush(command.cuts, false);
      return '';
    }
    this.#unsent.push(command.bytes);
    this.#last = '';
    // What is not to be answered goes out with what comes after it, as Postfix does it.
    if (!this.#account.wants(command.letter) && command.cuts.length === 0) return '';
    this.#flush([], true, command);
    if (move.do === 'ask') await this.settle();
    else await this.pass(move.wait);
    return this.#last;
  }

  /** Sends what is to be sent; `command` is the last of it. */
  #flush(cuts: readonly number[] = [], asked = true, command?: MtaCommand): void {
    const bytes = Buffer.concat(this.#unsent);
    this.#unsent = [];
    if (command !== undefined) this.#account.sent(command);
    const places = command === undefined ? cuts : command.cuts;
    let from = 0;
    for (const at of [...places.map((place) => bytes.length - place).sort((a, b) => a - b), bytes.length]) {
      if (at <= from) continue;
      lend(this.#link.connection, bytes.subarray(from, at));
      from = at;
    }
    if (asked || this.closed) this.#collect();
    else if (this.#link.heard().length > 0) throw new Error('An answer to what wants none.');
  }

  #vanish(within: MtaCommand | undefined): void {
    this.#flush();
    this.#gone = true;
    if (within !== undefined) {
      const { bytes } = within;
      lend(this.#link.connection, bytes.subarray(0, bytes.length - 1));
      this.#collect();
    }
    this.#link.connection.eof();
  }

  #isSettled(): boolean {
    this.#collect();
    return this.closed || !this.#account.owes;
  }

  /** Books what was heard. */
  #collect(): void {
    for (const hexed of this.#link.heard()) {
      const bytes = Buffer.from(hexed, 'hex');
      this.transcript.push(`< ${bytes.toString('latin1', 4, 5)} at ${Date.now()}`);
      const letter = this.#account.heard(bytes);
      const { terms } = this.#account;
      for (const line of decodeReply(bytes, terms.actions, terms.protocol).lines ?? []) {
        // 32 long lines are too many bytes together: the last is cut.
        if (!TEXTS.has(line) && !/^%+$/.test(line))
          throw new Error(`No filter has said ${JSON.stringify(line)}.`);
      }
      if (letter !== undefined) this.#last = letter;
    }
    if (this.#slow && !this.closed) this.#link.connection.drained();
  }

  get #account(): Accountant {
    if (this.#books === undefined) throw new Error('Nothing is agreed to.');
    return this.#books;
  }
}

function hex(word: number): string {
  return `0x${(word >>> 0).toString(16)}`;
}
