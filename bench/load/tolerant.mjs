/** Takes the answers of a filter of which nothing is known, as a mail server would. */

/** @typedef {import('../mail/plan.mjs').Step} Step @typedef {import('./exact.mjs').Judge} Judge */

const HEAD = 5;
const LONGEST = 1_048_576;
const PROGRESS = 'p';
const SKIP = 's';
const FINAL = {
  c: 'continue',
  a: 'accept',
  d: 'discard',
  r: 'reject',
  t: 'tempfail',
  y: 'a reply',
  [SKIP]: 'skip',
};
const REFUSALS = 'rty';
const CHANGES = {
  '+': 'ADDRCPT',
  2: 'ADDRCPT_PAR',
  '-': 'DELRCPT',
  h: 'ADDHEADER',
  i: 'INSHEADER',
  m: 'CHGHEADER',
  e: 'CHGFROM',
  b: 'REPLBODY',
  q: 'QUARANTINE',
};

/** @param {string} letter */
const shown = (letter) => (/[!-~]/.test(letter) ? `"${letter}"` : `0x${letter.charCodeAt(0).toString(16)}`);

/** @implements {Judge} */
export class Tolerant {
  /** @type {Record<string, number>} */ #tally;
  /** @type {readonly Step[]} */ #steps = [];
  #head = Buffer.alloc(HEAD);
  #known = 0; // bytes of the head that have arrived
  #missing = 0; // bytes of the frame under way that have not
  #refused = 0;
  #recipients = 0;

  /** @param {Record<string, number>} tally how often each answer to a message was given, by all connections */
  constructor(tally) {
    this.#tally = tally;
  }

  /** @param {readonly Step[]} steps */
  begin(steps) {
    this.#steps = steps;
    this.#refused = 0;
    this.#recipients = steps.filter(({ stage }) => stage === 'rcpt').length;
  }

  /** @param {Buffer} bytes @param {number} size @param {number} at */
  read(bytes, size, at) {
    let next = at;
    for (let done = 0; done < size;) {
      if (next !== at || this.#steps[at] === undefined)
        throw new Error(`the filter sent ${bytes.toString('hex', done, size)}, which no event asked for`);
      if (this.#known < HEAD) {
        this.#head[this.#known++] = bytes[done++];
        if (this.#known === HEAD) this.#missing = this.#announced() - 1;
      } else {
        const taken = Math.min(this.#missing, size - done);
        done += taken;
        this.#missing -= taken;
      }
      if (this.#known < HEAD || this.#missing > 0) continue;
      this.#known = 0;
      next = this.#answer(String.fromCharCode(this.#head[4]), at);
    }
    return next;
  }

  #announced() {
    const length = this.#head.readUInt32BE(0);
    if (length >= 1 && length <= LONGEST) return length;
    throw new Error(
      `the filter sent ${this.#head.toString('hex')} …, which begins no frame of the milter protocol`,
    );
  }

  /** The step that follows on an answer. @param {string} letter @param {number} at */
  #answer(letter, at) {
    const { stage } = this.#steps[at];
    const change = CHANGES[/** @type {keyof typeof CHANGES} */ (letter)];
    const answer = FINAL[/** @type {keyof typeof FINAL} */ (letter)];
    const isKnown = stage === 'eom' ? (answer ?? change) : answer;
    if (letter === PROGRESS) return at;
    if (isKnown === undefined || (letter === SKIP && stage !== 'body'))
      throw new Error(`the filter answers ${stage} with ${shown(letter)}, which is no answer to that`);
    const opens = stage === 'connect' || stage === 'helo';
    if (!opens) this.#tally[isKnown] = (this.#tally[isKnown] ?? 0) + 1;
    if (answer === undefined) return at;
    if (letter === SKIP) return this.#steps.findIndex((step) => step.stage === 'eom');
    if (letter === 'c') return at + 1;
    if (opens)
      throw new Error(
        `the filter answers ${stage} with ${answer}: there is no message to measure after that`,
      );
    const over = stage !== 'rcpt' || !REFUSALS.includes(letter) || ++this.#refused === this.#recipients;
    return over ? this.#steps.length : at + 1;
  }
}
