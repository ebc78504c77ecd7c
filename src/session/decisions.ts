import { made } from './answer-watch.js';
import { AnswerError } from './errors.js';
import { type ReplySpec, type SmtpReply, checkSmtpReply, smtpReply } from './smtp-reply.js';
import { BIT, type Stage, bitOf } from './stage.js';

/**
 * Which decision may be given where. `discard` means nothing before there is a message, and `skip` outside the body
 * (Sendmail drops a filter that says so there); an unknown command fails whatever is said.
 */
export interface LegalStages {
  allow: Stage;
  accept: Exclude<Stage, 'unknown'>;
  reject: Stage;
  tempfail: Stage;
  discard: Exclude<Stage, 'connect' | 'helo' | 'unknown'>;
  skip: 'body';
}

/** The same for the run time, as sets. */
const LEGAL: Readonly<Record<string, number>> = {
  allow: ~0,
  accept: ~BIT.unknown,
  reject: ~0,
  tempfail: ~0,
  discard: ~(BIT.connect | BIT.helo | BIT.unknown),
  skip: BIT.body,
};

/** Whether the decision of that kind may be given at that stage; `false` for what is no decision at all. */
export function isLegal(kind: string, stage: Stage): boolean {
  return ((LEGAL[kind] ?? 0) & bitOf(stage)) !== 0;
}

/** Go on (the protocol's CONTINUE). As a decision it also keeps later filters from deciding. */
export interface Allow {
  readonly kind: 'allow';
}
/** The rest of the message, or at `connect` and `helo` of the connection, passes unfiltered. */
export interface Accept {
  readonly kind: 'accept';
}
/** Refused for good (5xx). */
export interface Reject {
  readonly kind: 'reject';
  readonly reply?: SmtpReply;
}
/** Refused for now (4xx): the client is to try again. */
export interface Tempfail {
  readonly kind: 'tempfail';
  readonly reply?: SmtpReply;
}
/** The client sees success, and the message goes nowhere. */
export interface Discard {
  readonly kind: 'discard';
}
/** Enough of the body: no more of it is sent. */
export interface Skip {
  readonly kind: 'skip';
}

/** What a filter may decide. */
export type Decision = Allow | Accept | Reject | Tempfail | Discard | Skip;

type KindAt<S extends Stage> = {
  [K in keyof LegalStages]: [S] extends [LegalStages[K]] ? K : never;
}[keyof LegalStages];

/** The decisions that are legal at stage `S`; for several stages, at each of them. */
export type DecisionAt<S extends Stage> = Extract<Decision, { readonly kind: KindAt<S> }>;

/** Gives back what it is constructed with: a class that extends it puts its private fields into that. */
const Given = function (given: object): object {
  return given;
} as unknown as new (given: object) => object;

/** Marks decisions whose parts were checked and cannot change. It cannot be seen, and costs less than a `WeakSet`. */
class Known extends Given {
  readonly #known = true;

  static has(decision: object): boolean {
    return #known in decision;
  }
}

/** Marks a decision of our own, and freezes it: after that it could not be marked. */
function known<D extends Decision>(decision: D): D {
  if ('reply' in decision) {
    Object.freeze(decision.reply.lines);
    Object.freeze(decision.reply);
  }
  new Known(decision);
  return Object.freeze(decision);
}

/** The decisions without a reply of their own. */
const BARE: { readonly [K in Decision['kind']]: Extract<Decision, { kind: K }> } = {
  allow: known({ kind: 'allow' }),
  accept: known({ kind: 'accept' }),
  reject: known({ kind: 'reject' }),
  tempfail: known({ kind: 'tempfail' }),
  discard: known({ kind: 'discard' }),
  skip: known({ kind: 'skip' }),
};

/**
 * Accepts the message; no filter is asked about the rest of it (libmilter's `SMFIS_ACCEPT`).
 *
 * @remarks
 * At `connect` and `helo` for the whole SMTP connection; at `rcpt` for the whole message, not that recipient
 * alone. Modifications that come with it at `eom` are made.
 *
 * @example on('connect', ({ address }) => (address === '127.0.0.1' ? accept() : undefined))
 */
export function accept(): Accept {
  return made(BARE.accept, accept);
}

/**
 * Makes the message disappear while its client sees success (libmilter's `SMFIS_DISCARD`).
 *
 * @remarks
 * From `mail` to `eom`; at `rcpt` for the whole message.
 *
 * @example on('mail', (mail) => (sameAddress(mail.address, 'spam@example.com') ? discard() : undefined))
 */
export function discard(): Discard {
  return made(BARE.discard, discard);
}

/**
 * Lets the event pass, and no later filter decide it: the protocol's CONTINUE.
 *
 * @remarks
 * To leave later filters their say, return nothing.
 *
 * @example on('rcpt', (rcpt) => (rcpt.address.startsWith('postmaster@') ? allow() : undefined))
 */
export function allow(): Allow {
  return made(BARE.allow, allow);
}

/**
 * Refuses for good (libmilter's `SMFIS_REJECT`, with a reply `smfi_setreply` and `smfi_setmlreply`).
 *
 * @remarks
 * At `connect` and `helo` the SMTP connection, at `rcpt` that recipient, elsewhere the message. Without an
 * argument the MTA words the reply; with text alone it is `550 5.7.1 text`.
 *
 * Text beyond 32 lines, 980 bytes in a line or 16383 with all codes is cut, and CR, LF and NUL become blanks: the
 * refusal is sent, and the flaw reported.
 *
 * @throws AnswerError where the code is not 5xx, or the enhanced code is of another class
 * @example on('rcpt', () => reject({ enhanced: '5.1.1', text: ['No such user.', 'Ask the postmaster.'] }))
 */
export function reject(reply?: ReplySpec): Reject {
  if (reply === undefined) return made(BARE.reject, reject);
  const own = smtpReply('reject', reply, 550, '5.7.1', 'Command rejected');
  return made(known({ kind: 'reject', reply: own }), reject);
}

/**
 * Says that enough of the body was seen; `eom` comes next (libmilter's `SMFIS_SKIP`).
 *
 * @remarks
 * Only at `body`. Where the MTA does not know it, the rest of the body is still sent, but reaches no filter.
 *
 * @example on('body', ({ chunk }) => (seen(chunk) > 4096 ? skip() : undefined))
 */
export function skip(): Skip {
  return made(BARE.skip, skip);
}

/**
 * Refuses for now: the client keeps the mail and tries again (libmilter's `SMFIS_TEMPFAIL`).
 *
 * @remarks
 * The scope is that of `reject`. Without an argument the MTA words the reply; with text alone it is
 * `451 4.7.1 text`. With code 421 the MTA also closes the SMTP connection.
 *
 * @throws AnswerError where the code is not 4xx, and otherwise like `reject`
 * @example on('rcpt', async (rcpt) => ((await greylisted(rcpt)) ? tempfail('Greylisted, try again') : undefined))
 */
export function tempfail(reply?: ReplySpec): Tempfail {
  if (reply === undefined) return made(BARE.tempfail, tempfail);
  const own = smtpReply('tempfail', reply, 451, '4.7.1', 'Please try again later');
  return made(known({ kind: 'tempfail', reply: own }), tempfail);
}

/**
 * The decision as it may be written: itself where `reject()` and its like made it, else a copy, each part read once
 * and checked (a getter may say something else the next time). Throws an `AnswerError` for a malformed reply.
 */
export function knownDecision(kind: Decision['kind'], given: Decision): Decision {
  if (Known.has(given)) return given;
  if (kind !== 'reject' && kind !== 'tempfail') return BARE[kind];
  const { reply } = given as Reject | Tempfail;
  return reply === undefined ? BARE[kind] : known({ kind, reply: checkSmtpReply(kind, reply) });
}

/** A copy that is told from all others, for an operator that looks for its decision among the outcomes. */
export function ownDecision<D extends Decision>(decision: D): D {
  return known({ ...decision });
}

/** What an event gets that no filter has decided: the MTA goes on. An outcome has no decision then. */
export const UNDECIDED: Decision = ownDecision({ kind: 'allow' });

/** The same, where it is legal at the stage; otherwise throws an `AnswerError`. */
export function checkDecision(given: Decision, stage: Stage): Decision {
  const { kind } = given;
  if (!isLegal(kind, stage)) throw new AnswerError(`${kind}() is not legal at stage ${stage}.`);
  return knownDecision(kind, given);
}
