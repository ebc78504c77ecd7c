import { MACROS, ORDINARY } from './mail.mjs';
import { EVENTS, frame, LEADING_SPACE, macros } from './wire.mjs';

/**
 * @typedef {object} Step one write of the mail server and the exact bytes that have to come back
 * @property {string} stage whose answer that is
 * @property {Buffer} send
 * @property {Buffer} expect
 *
 * @typedef {object} Plan
 * @property {Step[]} opening CONNECT and, unless the session is to stay idle, HELO
 * @property {Buffer} openingTail what of the opening gets no reply
 * @property {Step[]} first the first message of the session
 * @property {Step[]} next each further message: Postfix's ABORT of the one before travels in its first write
 */

const BODY_FRAME = 65535;
export const CONTINUE = frame('c');
const SKIP = frame('s');

/** @typedef {Pick<import('./works.mjs').Work, 'mail' | 'changes' | 'refusal' | 'skips'>} Answered what of a work decides its answers */

/** The answers to one event: what a filter has to send back. @param {Answered} work @param {string} stage @param {number} protocol */
export function answerTo(work, stage, protocol) {
  if (stage === 'rcpt' && work.refusal) return work.refusal;
  if (stage === 'body' && work.skips) return SKIP;
  if (stage !== 'eom') return CONTINUE;
  const space = protocol & LEADING_SPACE ? ' ' : '';
  return Buffer.concat([...work.changes(work.mail).map((change) => change(space)), CONTINUE]);
}

/** Collects frames until a reply is due, as a mail server does that flushes only before it reads. */
class Script {
  /** @type {Step[]} */ steps = [];
  /** @type {Buffer[]} */ #pending = [];
  #work;
  #protocol;

  /** @param {Answered} work @param {number} protocol */
  constructor(work, protocol) {
    this.#work = work;
    this.#protocol = protocol;
  }

  /** @param {keyof typeof EVENTS} stage @param {...(string | Uint8Array)} data */
  event(stage, ...data) {
    return this.told(stage, MACROS[stage], ...data);
  }

  /** @param {keyof typeof EVENTS} stage @param {Record<string, string>} known its macros @param {...(string | Uint8Array)} data */
  told(stage, known, ...data) {
    const { letter, off, silent } = EVENTS[stage];
    const switchedOff = (this.#protocol & off) !== 0;
    const macroOfEnvelope = 'CHMRT'.includes(letter);
    if (switchedOff && !macroOfEnvelope) return this;
    this.#pending.push(macros(letter, known));
    if (switchedOff) return this;
    this.#pending.push(frame(letter, ...data));
    if ((this.#protocol & silent) !== 0) return this;
    this.steps.push({ stage, send: this.rest(), expect: answerTo(this.#work, stage, this.#protocol) });
    return this;
  }

  abort() {
    this.#pending.push(frame('A'));
    return this;
  }

  rest() {
    return Buffer.concat(this.#pending.splice(0));
  }
}

/** @param {Script} script @param {readonly (readonly [string, string])[]} fields @param {number} protocol */
function header(script, fields, protocol) {
  script.event('data');
  const space = protocol & LEADING_SPACE ? ' ' : '';
  for (const [name, value] of fields) script.event('header', `${name}\0${space}${value}\0`);
  return script.event('eoh');
}

/** @param {Script} script @param {readonly string[]} recipients */
function envelope(script, recipients) {
  script.event('mail', '<alice@example.org>\0SIZE=2048\0BODY=8BITMIME\0');
  for (const address of recipients)
    script.told('rcpt', { '{rcpt_addr}': address, ...MACROS.rcpt }, `<${address}>\0`);
  return script;
}

/** @param {Script} script @param {Answered} work @param {number} protocol */
function message(script, work, protocol) {
  const { recipients, fields, body } = work.mail;
  envelope(script, recipients);
  if (work.refusal) return script.steps;
  header(script, fields, protocol);
  for (let at = 0; at < body.length; at += BODY_FRAME) {
    script.event('body', body.subarray(at, at + BODY_FRAME));
    if (work.skips) break;
  }
  return script.event('eom').steps;
}

/**
 * @param {Answered} work
 * @param {number} protocol the filter's side of the negotiation
 * @param {boolean} idle
 * @returns {Plan}
 */
export function makePlan(work, protocol, idle = false) {
  const opening = connect(new Script(work, protocol));
  if (!idle) helo(opening);
  return {
    opening: opening.steps,
    openingTail: opening.rest(),
    first: message(new Script(work, protocol), work, protocol),
    next: message(new Script(work, protocol).abort(), work, protocol),
  };
}

/** @param {Script} script */
const connect = (script) => script.event('connect', 'mail.example.org\0', '4\x63\x0d', '192.0.2.25\0');

/** @param {Script} script */
const helo = (script) => script.event('helo', 'mail.example.org\0');

/** What a message that is too large for a plan begins with. @type {Answered} */
export const PLAIN = { mail: ORDINARY, changes: () => [] };

/** The opening of a session with a filter that answers no event. @param {number} protocol */
export function openingOf(protocol) {
  const script = helo(connect(new Script(PLAIN, protocol)));
  return { steps: script.steps, tail: script.rest() };
}

/** Its next message down to the body. @param {number} protocol */
export function preambleOf(protocol) {
  const script = header(
    envelope(new Script(PLAIN, protocol), PLAIN.mail.recipients),
    PLAIN.mail.fields,
    protocol,
  );
  return { steps: script.steps, tail: script.rest() };
}
