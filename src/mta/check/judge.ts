import { quote } from '../../common/printable.js';
import { COMMANDS } from '../../transport/wire/commands.js';
import { describeMessage } from '../../transport/wire/describe-message.js';
import { OLD_ACTIONS, OLD_PROTOCOL, SMFIF, SMFIP } from '../../transport/wire/flags.js';
import type { OptnegFields } from '../../transport/wire/layouts.js';
import { ProtocolError } from '../../transport/wire/protocol-error.js';
import { REPLIES, type ReplyName, type WireReply, replyCodec } from '../../transport/wire/replies.js';
import type { MtaOffer } from '../client/agreement.js';
import type { MtaEvent } from '../client/answer.js';
import { sanitiseReply } from '../client/sanitise-reply.js';
import type { CheckRule, Fault } from './rules.js';
import type { RawFrame } from './wire.js';

type Stage = MtaEvent['type'];

/** The replies that are no answer to anything before eom, whatever was agreed, and the rule that says so. */
const WRONG_AT: Readonly<Partial<Record<ReplyName, readonly Stage[]>>> = {
  discard: ['connect', 'helo', 'unknown'],
  skip: ['connect', 'helo', 'mail', 'rcpt', 'data', 'header', 'eoh', 'eom', 'unknown'],
};
const NEVER: readonly ReplyName[] = ['optneg', 'shutdown', 'connFail'];

/** The most data bytes of a frame that libmilter writes. */
const CLASSIC = 65_535;
/** libmilter takes an offer of nothing for that of version 1, from before there were flags. */
const FIRST = { actions: 0x0f, protocol: 0x3f };

const UNFIT_NAME = /[^!-9;-~]|^$/;
const CONTROL = /[\0-\x1f\x7f]/;
const LOST = Buffer.from('\ufffd');

const hex = (bits: number): string => `0x${bits.toString(16)}`;

/** A frame as it is: a reply, or the fault that makes it none. */
export function readReply({ letter, data }: RawFrame): WireReply | Fault {
  if (replyCodec.known[letter.charCodeAt(0)] !== 1) {
    return { rule: 'unknown-reply', what: `There is no reply with the letter ${quote(letter)}.` };
  }
  try {
    return replyCodec.decode(letter.charCodeAt(0), data, 0, data.length);
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return { rule: 'reply-layout', what: `The data of a frame does not fit its letter: ${error.reason}.` };
  }
}

/** Judges the answer to an offer. */
export function judgeAnswer(offer: MtaOffer, { version, actions, protocol, lists }: OptnegFields): Fault[] {
  const faults: Fault[] = [];
  if (version < 2 || version > offer.version) {
    faults.push({
      rule: 'answer-version',
      what: `It answered version ${version} to an offer of version ${offer.version}.`,
    });
  }
  const flags = (
    rule: CheckRule,
    table: Readonly<Record<string, number>>,
    asked: number,
    had: number,
  ): void => {
    const beyond = (asked & ~had) >>> 0;
    if (beyond === 0) return;
    const names = Object.keys(table).filter((name) => (beyond & (table[name] ?? 0)) !== 0);
    const known = names.reduce((bits, name) => bits | (table[name] ?? 0), 0);
    const rest = (beyond & ~known) >>> 0;
    const all = [...names, ...(rest === 0 ? [] : [hex(rest)])].join(', ');
    faults.push({ rule, what: `It asked for ${all}, and the offer was ${hex(had)}.` });
  };
  flags('answer-actions', SMFIF, actions, offer.actions === 0 ? FIRST.actions : offer.actions);
  flags('answer-flags', SMFIP, protocol, offer.protocol === 0 ? FIRST.protocol : offer.protocol);
  if (lists.length > 0 && (offer.actions & SMFIF.SETSYMLIST) === 0) {
    faults.push({
      rule: 'answer-lists',
      what: 'It appended lists of macros, and SETSYMLIST was not offered.',
    });
  }
  return faults;
}

/** What is agreed by an answer: never more than was offered, and than there is in its version. */
export function agreedBy(offer: MtaOffer, answer: MtaOffer): MtaOffer {
  const { version } = answer;
  const old = version < 6;
  return {
    version,
    actions: offer.actions & answer.actions & (old ? OLD_ACTIONS | offer.actions : -1),
    protocol: offer.protocol & answer.protocol & (OLD_PROTOCOL[version] ?? -1),
  };
}

/** Whether a reply ends the turn of its command. */
export function isFinal({ type }: WireReply): boolean {
  return REPLIES[type].kind === 'final';
}

/** Judges a reply at its stage; those before it in the same turn matter to the new body. */
export function judgeReply(
  stage: Stage,
  reply: WireReply,
  agreed: MtaOffer,
  before: readonly WireReply[],
): Fault[] {
  const { type } = reply;
  const { kind, right } = REPLIES[type];
  const said = `${COMMANDS[stage].letter} (${stage}) was answered with ${type}`;
  if (NEVER.includes(type))
    return [{ rule: 'wrong-stage', what: `${said}, which mail servers do not take.` }];
  if (type === 'progress' && stage !== 'eom') return [{ rule: 'early-progress', what: `${said}.` }];
  if (kind === 'modification' && stage !== 'eom') return [{ rule: 'early-change', what: `${said}.` }];
  if (WRONG_AT[type]?.includes(stage) === true) return [{ rule: 'wrong-stage', what: `${said}.` }];
  if (type === 'skip' && (agreed.protocol & SMFIP.SKIP) === 0) {
    return [{ rule: 'unagreed-skip', what: `${said}, and SKIP was not agreed on.` }];
  }
  const faults =
    type === 'replycode' ? judgeText(reply.text) : kind === 'modification' ? judgeChange(reply) : [];
  if (right !== 0 && (agreed.actions & right) === 0) {
    faults.push({ rule: 'ungranted-change', what: `It sent ${type}, and that right was not agreed on.` });
  }
  if (type === 'replaceBody') {
    const first = before.findIndex((one) => one.type === type);
    if (first !== -1 && before.at(-1)?.type !== type) {
      const between = before.slice(first).find((one) => one.type !== type);
      faults.push({ rule: 'split-body', what: `Within the new body came ${between?.type ?? ''}.` });
    }
  }
  return faults;
}

/** Judges a frame by its size and its bytes alone. */
export function judgeFrame({ data }: RawFrame): Fault[] {
  return [
    ...(data.length > CLASSIC
      ? [{ rule: 'large-frame', what: `A frame has ${data.length} bytes of data.` } as const]
      : []),
    ...(data.includes(LOST) ? [{ rule: 'bytes-lost', what: 'There is U+FFFD in a reply.' } as const] : []),
  ];
}

function judgeText(text: string): Fault[] {
  const bad = (what: string): Fault[] => [{ rule: 'reply-text', what: `${what}: ${quote(text)}.` }];
  const { violation } = sanitiseReply(text);
  if (violation !== undefined) return bad(violation.replace(/^its reply/, 'A reply').replace(/: .*/, ''));
  if (!/^[45]\d\d(?=[ -]|$)/.test(text)) return bad('A reply has no code of 4xx or 5xx');
  const other = text.split('\r\n').find((line) => /^\d\d\d[ -][245]\.\d/.test(line) && line[4] !== line[0]);
  if (other !== undefined) return bad('The enhanced code of a reply is of another class than its code');
  return /(?<!%)(?:%%)*%(?!%)/.test(text)
    ? [{ rule: 'percent', what: `A reply has a single percent sign: ${quote(text)}.` }]
    : [];
}

function judgeChange(reply: WireReply): Fault[] {
  const { type } = reply;
  if ('name' in reply) {
    const value = quote(reply.value);
    if (UNFIT_NAME.test(reply.name)) {
      return [{ rule: 'change-text', what: `${type}: ${quote(reply.name)} is no name for a header.` }];
    }
    if ('index' in reply && reply.index > 0x7fffffff) {
      return [
        { rule: 'change-text', what: `${type}: the index ${reply.index} is negative to mail servers.` },
      ];
    }
    return reply.value.includes('\r')
      ? [{ rule: 'header-value', what: `${type}: there is a CR in the value ${value}.` }]
      : [];
  }
  if ('args' in reply && reply.args.length > 1) {
    return [{ rule: 'reply-layout', what: `${type} has more than two strings: ${describeMessage(reply)}.` }];
  }
  const texts = 'text' in reply ? [reply.text] : 'address' in reply ? [reply.address, ...reply.args] : [];
  const bad = texts.find((text) => CONTROL.test(text));
  return bad === undefined
    ? []
    : [{ rule: 'change-text', what: `${type}: there are control characters in ${quote(bad)}.` }];
}
