import { decodeReply, type AgreedTerms, type Heard } from './decode-reply.js';
import { NR, type MtaCommand } from './mta-command.js';

/** How long answers may take, in milliseconds. */
export interface Limits {
  readonly reply: number;
  readonly eom: number;
}

/**
 * The MTA's view of who owes what: replies are matched to commands by order alone, so one too many or too few is the
 * end. Knows the protocol, and nothing of how the filter works.
 */
export class Accountant {
  readonly terms: AgreedTerms;
  readonly #limits: Limits;
  readonly #now: () => number;
  #owed: MtaCommand[] = [];
  /** When the filter could begin with the command at the head. */
  #since = 0;
  /** What was heard for that so far. */
  #changes: Heard[] = [];

  constructor(terms: AgreedTerms, limits: Limits, now: () => number) {
    this.terms = terms;
    this.#limits = limits;
    this.#now = now;
  }

  /** What the filter owes an answer to. */
  get owes(): boolean {
    return this.#owed.length > 0;
  }

  /** When the answer at the head is due. */
  get due(): number {
    const head = this.#owed[0];
    if (head === undefined) return Infinity;
    return this.#since + (head.letter === 'E' ? this.#limits.eom : this.#limits.reply);
  }

  wants(letter: string): boolean {
    return !'ADQK'.includes(letter) && ((NR[letter] ?? 0) & this.terms.protocol) === 0;
  }

  sent(command: MtaCommand): void {
    if ('AQK'.includes(command.letter)) this.#next([]);
    else if (this.wants(command.letter)) this.#next([...this.#owed, command], this.#owed.length > 0);
  }

  /** Books a frame; the letter of the final reply where it is that. */
  heard(frame: Buffer): string | undefined {
    const [head, ...others] = this.#owed;
    if (head === undefined) throw new Error(`Nobody asked for ${frame.toString('hex', 0, 60)}.`);
    const reply = decodeReply(frame, this.terms.actions, this.terms.protocol);
    const { letter } = reply;
    if (reply.kind !== 'final') {
      if (head.letter !== 'E')
        throw new Error(`${letter} in answer to ${head.letter}: only at the end of a message.`);
      this.#book(reply);
      return undefined;
    }
    const allowed = this.#finals(head.letter);
    if (!allowed.includes(letter))
      throw new Error(`${letter} in answer to ${head.letter}; allowed is ${allowed}.`);
    const changes = this.#changes.filter(({ kind }) => kind === 'change');
    // Of a body that is written as it comes, its failure is known too late.
    if (!'ca'.includes(letter) && changes.length > 0 && !changes.some((change) => change.letter === 'b')) {
      throw new Error(`${letter} after modifications: of a refused message none is to be written.`);
    }
    this.#next(others);
    return letter;
  }

  #finals(letter: string): string {
    if (letter === 'U') return 'crty';
    if (letter === 'C' || letter === 'H') return 'carty';
    return letter === 'B' && (this.terms.protocol & 0x400) !== 0 ? 'cartyds' : 'cartyd';
  }

  /** Postfix takes a body in one run only, and counts headers anew after each deletion. */
  #book(reply: Heard): void {
    if (reply.letter !== 'b' && this.#changes.some(({ letter }) => letter === 'b')) {
      throw new Error(`${reply.letter} after a piece of the body.`);
    }
    this.#changes.push(reply);
  }

  #next(owed: MtaCommand[], same = false): void {
    this.#owed = owed;
    if (same) return;
    this.#since = this.#now();
    this.#changes = [];
  }
}
