import { made } from './answer-watch.js';
import { AnswerError } from './errors.js';
import { type ReplySpec, type SmtpReply, checkSmtpReply, smtpReply } from './smtp-reply.js';
import type { Stage } from './stage.js';

/**
 * Which decision may be given where: `discard` means nothing before there is a message (Sendmail drops a filter that
 * discards at connect), `skip` is for the body alone (Sendmail drops a filter that skips elsewhere), and an unknown
 * command fails whatever is said.
 */
export interface LegalStages {
  proceed: Stage;
  accept: Exclude<Stage, 'unknown'>;
  reject: Stage;
  tempfail: Stage;
  discard: Exclude<Stage, 'connect' | 'helo' | 'unknown'>;
  skip: 'body';
}

/** The same for the run time. */
const ILLEGAL: Readonly<Record<string, readonly Stage[] | 'all but body'>> = {
  proceed: [],
  accept: ['unknown'],
  reject: [],
  tempfail: [],
  discard: ['connect', 'helo', 'unknown'],
  skip: 'all but body',
};

/** Whether the decision of that kind may be given at that stage; `false` for what is no decision at all. */
export function isLegal(kind: string, stage: Stage): boolean {
  const illegal = ILLEGAL[kind];
  if (illegal === undefined) return false;
  return illegal === 'all but body' ? stage === 'body' : !illegal.includes(stage);
}

/** Go on (the protocol's CONTINUE). As a decision it also keeps later filters from deciding. */
export interface Proceed {
  readonly kind: 'proceed';
}
/** Done: the rest of the message, or at `connect` and `helo` of the connection, passes unfiltered. */
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
/** Swallowed: the client sees success, and the message goes nowhere. */
export interface Discard {
  readonly kind: 'discard';
}
/** Enough of the body: no more of it is sent. */
export interface Skip {
  readonly kind: 'skip';
}

/** What a filter may decide. */
export type Decision = Proceed | Accept | Reject | Tempfail | Discard | Skip;

type KindAt<S extends Stage> = {
  [K in keyof LegalStages]: [S] extends [LegalStages[K]] ? K : never;
}[keyof LegalStages];

/** The decisions that are legal at stage `S`; for several stages, at each of them. */
export type DecisionAt<S extends Stage> = Extract<Decision, { readonly kind: KindAt<S> }>;

const ACCEPT: Accept = Object.freeze({ kind: 'accept' });

/**
 * Accepts the message; no filter is asked about the rest of it (libmilter's `SMFIS_ACCEPT`).
 *
 * @remarks
 * At `connect` and `helo` it holds for the whole SMTP connection; at `rcpt` for the whole message, not for that
 * recipient alone. Modifications that come with it at `eom` are made.
 *
 * @example on('connect', ({ address }) => (address === '127.0.0.1' ? accept() : undefined))
 */
export function accept(): Accept {
  return made(ACCEPT, accept);
}

const DISCARD: Discard = Object.freeze({ kind: 'discard' });

/**
 * Makes the message disappear while its client sees success (libmilter's `SMFIS_DISCARD`).
 *
 * @remarks
 * From `mail` to `eom`; at `rcpt` it holds for the whole message. Before that there is no message, and it does not
 * compile.
 *
 * @example on('mail', (mail) => (sameAddress(mail.address, 'spam@example.com') ? discard() : undefined))
 */
export function discard(): Discard {
  return made(DISCARD, discard);
}

const PROCEED: Proceed = Object.freeze({ kind: 'proceed' });

/**
 * Lets the event pass, and no later filter decide it: the protocol's CONTINUE.
 *
 * @remarks
 * To let it pass and leave later filters their say, return nothing.
 *
 * @example on('rcpt', (rcpt) => (rcpt.address.startsWith('postmaster@') ? proceed() : undefined))
 */
export function proceed(): Proceed {
  return made(PROCEED, proceed);
}

const REJECT: Reject = Object.freeze({ kind: 'reject' });

/**
 * Refuses for good (libmilter's `SMFIS_REJECT`, with a reply `smfi_setreply` and `smfi_setmlreply`).
 *
 * @remarks
 * At `connect` and `helo` the SMTP connection, at `rcpt` that recipient, elsewhere the message. Without an argument the
 * MTA words the reply; with text alone the reply is `550 5.7.1 text`.
 *
 * @throws AnswerError where the code is not 5xx, the enhanced code is of another class, there are more than 32 lines, a
 *   line has more than 980 bytes, all of them with their codes more than 16383, or one holds CR, LF or NUL
 * @example on('rcpt', () => reject({ code: 550, enhanced: '5.1.1', text: ['No such user.', 'Ask the postmaster.'] }))
 */
export function reject(reply?: ReplySpec): Reject {
  if (reply === undefined) return made(REJECT, reject);
  return made(
    known({ kind: 'reject', reply: smtpReply('reject', reply, 550, '5.7.1', 'Command rejected') }),
    reject,
  );
}

const SKIP: Skip = Object.freeze({ kind: 'skip' });

/**
 * Says that enough of the body was seen; `eom` comes next (libmilter's `SMFIS_SKIP`).
 *
 * @remarks
 * Only at `body`. Where the MTA does not know it, the rest of the body is still sent, but reaches no filter.
 *
 * @example on('body', ({ chunk }) => (seen(chunk) > 4096 ? skip() : undefined))
 */
export function skip(): Skip {
  return made(SKIP, skip);
}

const TEMPFAIL: Tempfail = Object.freeze({ kind: 'tempfail' });

/**
 * Refuses for now: the client keeps the mail and tries again (libmilter's `SMFIS_TEMPFAIL`).
 *
 * @remarks
 * The scope is that of `reject`. Without an argument the MTA words the reply; with text alone the reply is
 * `451 4.7.1 text`. With code 421 the MTA also closes the SMTP connection.
 *
 * @throws AnswerError where the code is not 4xx, and otherwise like `reject`
 * @example on('rcpt', async (rcpt) => ((await greylisted(rcpt)) ? tempfail('Greylisted, try again') : undefined))
 */
export function tempfail(reply?: ReplySpec): Tempfail {
  if (reply === undefined) return made(TEMPFAIL, tempfail);
  return made(
    known({ kind: 'tempfail', reply: smtpReply('tempfail', reply, 451, '4.7.1', 'Please try again later') }),
    tempfail,
  );
}

/** The decisions without a reply of their own. */
const BARE: { readonly [K in Decision['kind']]: Extract<Decision, { kind: K }> } = {
  proceed: PROCEED,
  accept: ACCEPT,
  reject: REJECT,
  tempfail: TEMPFAIL,
  discard: DISCARD,
  skip: SKIP,
};

/** Decisions whose parts were checked and cannot change. */
const KNOWN = new WeakSet<Decision>(Object.values(BARE));

function known<D extends Reject | Tempfail>(decision: D): D {
  Object.freeze(decision.reply?.lines);
  Object.freeze(decision.reply);
  Object.freeze(decision);
  KNOWN.add(decision);
  return decision;
}

/**
 * The decision as it may be written: itself where `reject()` and its like made it. Of one that was made by hand a copy,
 * for which each part was read once and checked; a getter of it may say something else the next time.
 *
 * @param kind its `kind`, which was read already
 * @throws AnswerError where its reply is malformed
 */
export function knownDecision(kind: Decision['kind'], given: Decision): Decision {
  if (KNOWN.has(given)) return given;
  if (kind !== 'reject' && kind !== 'tempfail') return BARE[kind];
  const { reply } = given as Reject | Tempfail;
  return reply === undefined ? BARE[kind] : known({ kind, reply: checkSmtpReply(kind, reply) });
}

/** A copy that is told from all others, for an operator that looks for its decision among the outcomes. */
export function ownDecision<D extends Decision>(decision: D): D {
  const own = { ...decision };
  Object.freeze(own);
  KNOWN.add(own);
  return own;
}

/**
 * The decision as it may be written at a stage; see `knownDecision`.
 *
 * @throws AnswerError where it is not legal there, or its reply is malformed
 */
export function checkDecision<D extends Decision>(given: D, stage: Stage): D;
export function checkDecision(given: Decision, stage: Stage): Decision {
  const { kind } = given;
  if (!isLegal(kind, stage)) throw new AnswerError(`${kind}() is not legal at stage ${stage}.`);
  return knownDecision(kind, given);
}
