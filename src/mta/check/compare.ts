import { describeMessage } from '../../transport/wire/describe-message.js';
import { type WireReply, replyCodec } from '../../transport/wire/replies.js';
import type { Answer } from './talk.js';

/** How closely answers are compared: byte by byte, by what is decided and changed, or not at all. */
const LEVELS: readonly ((reply: WireReply) => string)[] = [
  (reply) => replyCodec.encode(reply).toString('latin1'),
  (reply) => {
    if (reply.type === 'replycode') return `${reply.type} ${reply.text.slice(0, 3)}`;
    return 'name' in reply ? `${reply.type} ${reply.name.toLowerCase()}` : reply.type;
  },
];

/** The first step at which answers are others, and both of them in words. */
interface Other {
  readonly step: string;
  readonly what: string;
}

/** The answers to one mail, as they were the first time, and how closely others have to be like them. */
export class Reference {
  readonly #first: readonly Answer[];
  #level = 0;

  constructor(first: readonly Answer[]) {
    this.#first = first;
  }

  /**
   * Takes note of the answers to the same mail when it was alone again: what is another thing then is not compared any
   * more. Returns the difference where that leaves nothing to compare.
   */
  calibrate(again: readonly Answer[]): Other | undefined {
    let last: Other | undefined;
    for (let other = this.difference(again); other !== undefined; other = this.difference(again)) {
      last = other;
      this.#level++;
    }
    return this.#level < LEVELS.length ? undefined : last;
  }

  difference(answers: readonly Answer[]): Other | undefined {
    const plain = LEVELS[this.#level];
    if (plain === undefined) return undefined;
    const text = (answer: Answer | undefined): string => {
      // Where a new body is cut, and how often a milter asked for patience, says nothing.
      const replies = answer?.replies.filter(({ type }) => type !== 'progress') ?? [];
      return replies.map((reply) => plain(reply)).join('\n');
    };
    for (let at = 0; at < Math.max(this.#first.length, answers.length); at++) {
      const [one, other] = [this.#first[at], answers[at]];
      if (one?.step === other?.step && text(one) === text(other)) continue;
      const words = (answer: Answer | undefined): string =>
        answer?.replies.map((reply) => describeMessage(reply)).join(' + ') ??
        'nothing, since it did not get so far';
      const step = one?.step ?? other?.step ?? '';
      return { step, what: `Alone it was answered with ${words(one)}; here with ${words(other)}.` };
    }
    return undefined;
  }
}
