import { messageOf } from '../common/text-of.js';
import type { Right } from '../transport/wire/flags.js';
import type { MtaName } from './profiles/profile.js';
import type { FlowStage } from './stage.js';

/**
 * An answer that may not be given; nothing of it is written.
 *
 * @remarks
 * A decision that its stage does not have, a modification outside `eom`, a reply or a
 * header that would break SMTP or the message. The event gets the failure decision. The message ends with `place`.
 */
export class AnswerError extends Error {
  override readonly name: string = 'AnswerError';
  /**
   * Where in the user's code it was made, as `filter.mjs:3:7`, or the filter was that gave it; where known.
   */
  readonly place: string | undefined = undefined;
}

/** What a pipeline wants of a mail server that does not grant the right for it. */
export interface UngrantedWish {
  /** The change, such as `changeHeader`; or what has asked for the right: `requireRights()`, an option, a milter. */
  readonly wish: string;
  /** The right as libmilter names it, without its `SMFIF_`. */
  readonly right: Right;
  /** Where the filter was made, as `filter.mjs:3:7`; where known. */
  readonly filter: string | undefined;
}

/**
 * The pipeline wants what the mail server does not grant; the option `ungranted` says what follows.
 *
 * @remarks
 * What is known at negotiation is told there, with the stage `negotiate`, anything else when it is wanted first.
 * `onError` gets it once for each wish and mail server; the outcome of each message that is concerned has it, too.
 */
export class UngrantedError extends AnswerError {
  override readonly name = 'UngrantedError';
  override readonly place: string | undefined;
  readonly wishes: readonly UngrantedWish[];
  /** The rights that the mail server grants. */
  readonly granted: readonly Right[];
  /** The mail server; at negotiation it is not known yet. */
  readonly mta: MtaName;
  /** Whether all of this was told before, of such a mail server. */
  readonly repeated: boolean = false;

  constructor(
    wishes: readonly UngrantedWish[],
    { granted, mta }: Pick<UngrantedError, 'granted' | 'mta'>,
    follows: string,
  ) {
    const needs = wishes.map(
      ({ wish, right, filter }) =>
        `${wish} needs the right ${right}${filter === undefined ? '' : ` (at ${filter})`}`,
    );
    const who = mta === 'unknown' ? 'the MTA' : `the MTA (${mta})`;
    const given = `${who} grants ${granted.join(', ') || 'none'}`;
    // By an option of the filter's own.
    const unasked = wishes.some(({ right }) => granted.includes(right))
      ? ' and was not asked for it (see the options rights, version and negotiate)'
      : '';
    super(`${needs.join(', ')}; ${given}${unasked}. ${follows}`);
    this.place = wishes[0]?.filter;
    this.wishes = wishes;
    this.granted = granted;
    this.mta = mta;
  }
}

/**
 * An answer that a project has made and not returned: `reject('No')` for `return reject('No')`.
 *
 * @remarks
 * Its event travelled on. `stack` begins with the line that made it. Reported once for each filter.
 */
export class ForgottenAnswerError extends AnswerError {
  override readonly name = 'ForgottenAnswerError';
}

/** MTA and filter have no common ground: the connection is refused before its first event. */
export class NegotiationError extends Error {
  override readonly name = 'NegotiationError';
}

/** What a filter's own code threw, rejected with or errored with; `cause` has it. */
export class ProjectError extends Error {
  override readonly name = 'ProjectError';
  readonly stage: FlowStage;

  constructor(stage: FlowStage, cause: unknown) {
    super(`The filter failed at stage ${stage}: ${messageOf(cause)}`, { cause });
    this.stage = stage;
  }
}

/** A reply to an event that was over. It was dropped: the MTA would take it for the next answer. */
export class StaleReplyError extends Error {
  override readonly name = 'StaleReplyError';
  readonly stage: FlowStage;

  constructor(stage: FlowStage, why: string) {
    super(`A reply at stage ${stage} came when its event was over, and was dropped: ${why}`);
    this.stage = stage;
  }
}

/** What limits the time of an answer. */
export type AnswerLimit = 'timeouts.reply' | 'timeouts.eom' | 'drainTimeout';

/** How long an answer was waited for, and up to which limit. */
export interface Waited {
  /** Milliseconds from the event to the end of its time. */
  readonly waited: number;
  readonly limit: AnswerLimit;
}

/** An event was not answered in time, or the pipeline ended before: it got the failure decision. */
export class UnansweredError extends Error {
  override readonly name = 'UnansweredError';
  readonly stage: FlowStage;
  /** How many milliseconds were waited; `undefined` where it was not time that ended it, as for `limit`. */
  readonly waited: number | undefined;
  /** The option that has set the time. */
  readonly limit: AnswerLimit | undefined;

  constructor(stage: FlowStage, why: string, { waited, limit }: Partial<Waited> = {}) {
    super(`The event at stage ${stage} was not answered: ${why}`);
    this.stage = stage;
    this.waited = waited;
    this.limit = limit;
  }
}

/** The error of a reply whose turn is not pending; `mode` is that of the turn, where there was one. */
export function staleReply(
  stage: FlowStage,
  mode: 'reply' | 'silent' | 'partial' | undefined,
): StaleReplyError {
  let why = 'the event was answered already, its message aborted, or its time up.';
  if (mode === undefined) why = 'it is to an event that no connection made.';
  if (mode === 'silent')
    why =
      'the MTA does not wait at this stage. Decide with on(), and let no negotiate hook agree to NR_ there.';
  return new StaleReplyError(stage, why);
}

/**
 * The error of a decision about a refused recipient that the MTA would take to be about the whole message.
 */
export function overruledError(kind: string): AnswerError | undefined {
  if (kind !== 'accept' && kind !== 'discard') return undefined;
  return new AnswerError(
    `${kind}() about a recipient that the MTA has rejected would concern the whole message; the MTA was told to go on. ` +
      'Look at event.rejected first.',
  );
}

/** The error of an event that was not answered in its time. */
export function tooSlow(stage: FlowStage, waiting: Waited): UnansweredError {
  return new UnansweredError(
    stage,
    `its time is up after ${waiting.waited} ms (${waiting.limit}). A filter was too slow, or swallowed the event ` +
      '(filter, debounceTime, withLatestFrom before its first value): what should be left undecided has to be passed on.',
    waiting,
  );
}
