import { errorFrom, isA } from '../../common/text-of.js';
import { SMFIP } from '../../transport/wire/flags.js';
import { replyCodec } from '../../transport/wire/replies.js';
import { located } from '../answer-watch.js';
import { EMPTY_BODY, type ModificationPlan, encodeModifications } from '../changes/encode-modifications.js';
import { type Decision, UNDECIDED, checkDecision, allow, skip, tempfail } from '../decisions.js';
import { AnswerError, ProjectError, UngrantedError, overruledError, staleReply, tooSlow } from '../errors.js';
import { causeOf, failureAt } from '../failures.js';
import { flawOf } from '../flaws.js';
import type { Flow, MilterEvent } from '../flow.js';
import type { BodySource, Modification } from '../modifications.js';
import type { Agreement } from '../negotiation/terms.js';
import type { ToldWishes } from '../negotiation/ungranted.js';
import type { Failure, ResolvedOptions } from '../options.js';
import type { Outcome } from '../outcome.js';
import { tellDifferences } from '../profiles/differences.js';
import { replyText } from '../smtp-reply.js';
import { type FlowStage, type Stage, bitOf } from '../stage.js';
import { type MessageScope, TURN, Turn, type TurnOwner, type Turned, turnOf } from '../turn.js';
import type { ConnectionOwner, Receiver } from './boundary.js';
import { collectBody, writeBody } from './new-body.js';
import type { Output } from './output.js';
import { SessionState } from './session-state.js';

type Modifications = readonly Modification[];

const NONE: Modifications = Object.freeze([]);
const HALF_DONE = tempfail();

const CONTINUE = replyCodec.encode({ type: 'continue' });
const PROGRESS = replyCodec.encode({ type: 'progress' });
/** The frames of decisions without a reply. */
const BARE: Readonly<Record<Decision['kind'], Buffer>> = {
  allow: CONTINUE,
  accept: replyCodec.encode({ type: 'accept' }),
  reject: replyCodec.encode({ type: 'reject' }),
  tempfail: replyCodec.encode({ type: 'tempfail' }),
  discard: replyCodec.encode({ type: 'discard' }),
  skip: replyCodec.encode({ type: 'skip' }),
};

/** Refuses a message that begins after the server was told to stop: the code makes the MTA close its connection. */
export const STOPPING: Decision = tempfail({
  code: 421,
  enhanced: '4.3.2',
  text: 'Service is shutting down, try again later',
});

/** Refuses all from a mail server that lacks a right. Its text is for strangers: the reason is told to `onError`. */
const UNGRANTED: Decision = tempfail({
  code: 451,
  enhanced: '4.3.5',
  text: 'Server configuration problem, try again later',
});

/**
 * The turns of a connection: the one place that writes answers, exactly one for each command that wants one. At most
 * one turn is pending; it has a deadline, and progress is sent while it is the end of a message.
 */
export class Turns implements TurnOwner {
  readonly failure: Failure;
  session = new SessionState();
  /** The first filter; `undefined` before there is one and after the end. */
  receiver: Receiver | undefined = undefined;
  readonly #output: Output;
  readonly #timeouts: ResolvedOptions['timeouts'];
  readonly #owner: ConnectionOwner;
  readonly #settled: (turn: Turn, decision: Decision) => void;
  /** Sets of stages; see `Agreement`. */
  #wanted = 0;
  #decides = 0;
  #quiet = 0;
  /** What everything is answered with, where no filter is to see it. */
  #refusal: Decision | undefined;
  readonly #told: ToldWishes;
  /** Whether SKIP may be said, and whether before a filter says so: where one alone reads the body. */
  #canSkip = false;
  #skipsEarly = false;
  #pending: Turn | undefined;
  /** The pending turn has its decision, and its body is being read or written. */
  #replacing = false;
  /** All of the body is here, and a part of it may have been written. */
  #written = false;
  #deadline: NodeJS.Timeout | undefined;
  #progress: NodeJS.Timeout | undefined;
  /** How long the parts of the body frame in progress have taken: the MTA waits for one answer to all of them. */
  #spent = 0;
  #since: number | undefined;

  /** @param settled called when the MTA has its answer to a turn, or when a paused turn is resumed */
  constructor(
    output: Output,
    options: ResolvedOptions,
    owner: ConnectionOwner,
    settled: (turn: Turn, decision: Decision) => void,
  ) {
    this.failure = options.failure;
    this.#told = options.told;
    this.#output = output;
    this.#timeouts = options.timeouts;
    this.#owner = owner;
    this.#settled = settled;
  }

  open(agreement: Agreement): void {
    this.session.agreement = agreement;
    this.#wanted = agreement.wanted;
    this.#decides = agreement.decides;
    this.#quiet = agreement.quiet;
    this.#canSkip = (agreement.protocol & SMFIP.SKIP) !== 0;
    this.#skipsEarly = agreement.readers === 1;
    if (agreement.refused) this.#refusal = UNGRANTED;
    if (agreement.lacking !== undefined) this.report('negotiate', agreement.lacking);
  }

  /** Whether one filter alone reads the body. */
  get hasOneReader(): boolean {
    return this.#skipsEarly;
  }

  get pending(): Turn | undefined {
    return this.#pending;
  }

  wants(stage: Stage): boolean {
    return (this.#wanted & bitOf(stage)) !== 0;
  }

  /** Begins the turn of an event, or answers one that no filter wants; not `last` for a part of a body frame. */
  begin(stage: Stage, message: MessageScope | undefined, last: boolean): Turn | undefined {
    const bit = bitOf(stage);
    const quiet = (this.#quiet & bit) !== 0;
    if ((this.#wanted & bit) === 0) {
      const refusal = this.#refusal;
      if (last) this.say(stage, refusal);
      if (last && (stage === 'eom' || refusal !== undefined) && this.#owner.watched())
        this.#outcome(stage, refusal, NONE, 0, undefined);
      return undefined;
    }
    const mode = quiet || (this.#decides & bit) === 0 ? 'silent' : last ? 'reply' : 'partial';
    // Of what has no answer it is not told how long that took.
    const since = mode !== 'silent' && this.#owner.watched() ? performance.now() : 0;
    return new Turn(this, stage, mode, message, since);
  }

  /** Presents an event to the filters, and answers it where that is due at once. */
  present(event: MilterEvent & Turned, turn: Turn, last: boolean): void {
    const silent = turn.mode === 'silent';
    if (!silent) this.#pending = turn;
    if (this.receiver === undefined) {
      // The abort before the event has ended the connection.
      this.cancel();
      return;
    }
    this.receiver.next(event);
    if (!silent) {
      if (this.#pending === turn) this.#wait(turn);
    } else if (turn.paused) {
      this.#pause(turn, last);
    } else {
      turn.end();
      if (last) this.say(turn.stage as Stage);
      if (turn.stage === 'eom' && this.#owner.watched()) this.#outcome('eom', UNDECIDED, NONE, 0, undefined);
    }
  }

  /** Presents an event that has no answer. */
  tell(stage: 'abort' | 'close', message: MessageScope | undefined): void {
    if (this.#refusal !== undefined) return;
    const turn = new Turn(this, stage, 'silent', message, 0);
    const event: MilterEvent & Turned = { stage, session: this.session, [TURN]: turn };
    this.receiver?.next(event);
  }

  answer(flow: Flow): void {
    // What comes out at a silent stage has no answer: nearly all of it where filters only observe.
    if (this.#pending === undefined && flow.stage !== 'reply') return;
    const event = flow.stage === 'reply' ? flow.to : flow;
    const turn = turnOf(event);
    // A silent turn may be paused; it ends when it is resumed, and not when its event is through.
    if (turn === undefined || turn !== this.#pending || turn.mode === 'silent' || this.#replacing) {
      // An event at a silent stage has no answer, and one whose turn was cancelled is expected to come out late.
      if (flow.stage !== 'reply') return;
      // The failure of a filter is worth knowing, not that its decision came too late.
      this.#outcome(event.stage, undefined, NONE, 0, causeOf(flow) ?? staleReply(event.stage, turn?.mode));
    } else if (flow.stage === 'reply') {
      this.#settle(turn, flow.decision, flow.modifications, causeOf(flow));
    } else {
      const decision = turn.bodyReleased && this.#skipsEarly ? skip() : UNDECIDED;
      this.#settle(turn, decision, flow.stage === 'eom' ? flow.modifications : NONE, undefined);
    }
  }

  /** Answers a command without a turn, where the MTA waits for an answer; whether it does. */
  say(stage: Stage, decision?: Decision): boolean {
    if ((this.#quiet & bitOf(stage)) !== 0) return false;
    this.#output.answer(decision === undefined ? CONTINUE : this.#encode(decision));
    return true;
  }

  /** Answers the pending turn, where there is one, with the failure decision. */
  fail(error: Error): boolean {
    const turn = this.#pending;
    if (turn === undefined) return false;
    const { kind } = this.failure;
    // A message whose body is half replaced may not pass, whatever else failures are to do.
    const half = this.#written && (kind === 'accept' || kind === 'allow');
    const decision = half ? HALF_DONE : failureAt(turn.stage, this.failure);
    this.#finish(turn, decision, NONE, error);
    return true;
  }

  /** Ends the pending turn without an answer: the MTA does not wait for one. */
  cancel(): void {
    const turn = this.#pending;
    if (turn !== undefined) this.#end(turn);
    this.endFrame();
  }

  /** A body frame was answered without its last part having been presented. */
  endFrame(): void {
    this.#spent = 0;
  }

  report(stage: FlowStage | 'negotiate', error: Error): void {
    this.#outcome(stage, undefined, NONE, 0, error);
  }

  /** The time of a turn runs from when its event was presented and not answered at once. */
  #wait(turn: Turn): void {
    // The rest is up to the MTA.
    if (this.#written) return;
    this.#startDeadline(turn, () => this.fail(this.#late(turn)));
    if (turn.stage !== 'eom' || this.#deadline === undefined) return;
    this.#progress = setInterval(() => {
      this.#output.put(PROGRESS);
      this.#output.flush();
    }, this.#timeouts.progress);
  }

  /**
   * The next command waits until the turn is resumed, or its time is up: then the filter has to say so at the end.
   */
  #pause(turn: Turn, last: boolean): void {
    const resume = (): void => {
      if (this.#pending !== turn) return;
      this.#end(turn);
      if (last) this.say(turn.stage as Stage);
      this.#settled(turn, allow());
    };
    this.#pending = turn;
    turn.onResume(resume);
    this.#startDeadline(turn, () => {
      this.report(turn.stage, this.#late(turn));
      resume();
    });
  }

  #settle(turn: Turn, given: Decision, modifications: Modifications, cause: Error | undefined): void {
    const stage = turn.stage as Stage;
    try {
      const decision = checkDecision(given, stage);
      const reply = decision.kind === 'reject' || decision.kind === 'tempfail' ? decision.reply : undefined;
      const flaw = cause ?? placed(flawOf(reply));
      const kept = decision.kind === 'allow' || decision.kind === 'accept' ? modifications : NONE;
      if (kept.length === 0) {
        this.#finish(turn, decision, NONE, flaw);
        return;
      }
      if (stage !== 'eom') throw new AnswerError(`${kept[0]?.kind ?? ''} at stage ${stage}: only at eom.`);
      const plan = encodeModifications(kept, this.session, turn.message);
      if (plan.body === undefined) {
        for (const frame of plan.frames) this.#output.put(frame);
        this.#finishChanged(turn, decision, plan, cause);
      } else {
        this.#replacing = true;
        void this.#replaceBody(turn, decision, plan, plan.body);
      }
    } catch (error) {
      // What goes wrong after the answer is no reason for a second one.
      if (turn.ended) throw error;
      this.fail(errorFrom(error));
    }
  }

  /**
   * Nothing is written before the body is here: an MTA that loses its filter in the middle may accept half a message.
   */
  async #replaceBody(
    turn: Turn,
    decision: Decision,
    plan: ModificationPlan,
    source: BodySource,
  ): Promise<void> {
    try {
      const given = source instanceof Uint8Array ? source : await collectBody(source, turn);
      if (given === undefined) return;
      const isNone = given instanceof Uint8Array ? given.length === 0 : given.size === 0;
      const body = isNone && this.session.profile.needsBody ? EMPTY_BODY : given;
      // From here on it is the MTA that takes its time; and Postfix takes no progress between the frames of a body.
      this.#stopTimers(turn);
      this.#written = true;
      for (const frame of plan.frames) this.#output.put(frame);
      await writeBody(body, this.#output, turn);
    } catch (error) {
      // The MTA forgets what was written so far when the message is refused.
      const given = plan.changes.granted.find(({ kind }) => kind === 'replaceBody');
      located(error, turn.message?.giverOf(given));
      if (!turn.ended) this.fail(isA(error, AnswerError) ? error : new ProjectError('eom', error));
      return;
    }
    if (!turn.ended) this.#finishChanged(turn, decision, plan, undefined);
  }

  #finishChanged(turn: Turn, decision: Decision, plan: ModificationPlan, cause: Error | undefined): void {
    const { granted, skipped, ungranted } = plan.changes;
    const flaw = placed(plan.flaw);
    turn.skipped = skipped;
    // An outcome has one error: what else was wrong gets one of its own.
    if (ungranted !== undefined && cause !== undefined) this.report(turn.stage, ungranted);
    if (ungranted !== undefined && flaw !== undefined) this.report(turn.stage, flaw);
    this.#finish(turn, decision, granted, cause ?? ungranted ?? flaw);
  }

  #finish(turn: Turn, wanted: Decision, modifications: Modifications, cause: Error | undefined): void {
    const decision = turn.overruled ? allow() : wanted;
    const error = turn.overruled ? (cause ?? overruledError(wanted.kind)) : cause;
    turn.decision = decision;
    tellDifferences(this.session.profile, turn.stage, decision, modifications);
    if (modifications !== NONE) turn.modifications = modifications;
    if (error !== undefined) turn.error = error;
    if (turn.mode === 'reply') this.#output.answer(this.#encode(decision));
    // Ended before the outcome is told: its subscriber may cause an answer, which has to find the turn over.
    this.#end(turn);
    if (this.#owner.watched() || error !== undefined) {
      const elapsed = turn.since === 0 ? 0 : performance.now() - turn.since;
      this.#outcome(turn.stage, decision, modifications, elapsed, error, turn.skipped);
    }
    this.#settled(turn, decision);
  }

  /** The frame of a decision. Where the MTA does not know SKIP, the rest of the body is taken in silence. */
  #encode(decision: Decision): Buffer {
    const { kind } = decision;
    if ((kind === 'reject' || kind === 'tempfail') && decision.reply !== undefined)
      return replyCodec.encode({
        type: 'replycode',
        text: replyText(decision.reply, this.session.profile.plainReplies),
      });
    return kind === 'skip' && !this.#canSkip ? CONTINUE : BARE[kind];
  }

  #end(turn: Turn): void {
    this.#pending = undefined;
    this.#replacing = false;
    this.#written = false;
    this.#stopTimers(turn);
    turn.end();
  }

  #outcome(
    stage: Outcome['stage'],
    decision: Decision | undefined,
    modifications: Modifications,
    elapsed: number,
    error: Error | undefined,
    skipped: Modifications = NONE,
  ): void {
    const { session } = this;
    const { rounds, bytes } = this.#output;
    if (isA(error, UngrantedError)) {
      this.#told.note(error);
      // Nothing has happened yet, and nothing need.
      if (stage === 'negotiate' && error.repeated && this.#refusal === undefined) return;
    }
    const given = decision === UNDECIDED ? undefined : decision;
    this.#owner.outcome({
      session,
      stage,
      decision: given,
      modifications,
      skipped,
      elapsed,
      rounds,
      bytes,
      error,
    });
  }

  #startDeadline(turn: Turn, late: () => void): void {
    const left = this.#timeouts[limitOf(turn)] - this.#spent;
    // The frame has had its time, and failures let it pass: its other parts are presented, and not waited for.
    if (left <= 0) {
      late();
      return;
    }
    // Only the parts of a frame share their time.
    if (turn.mode === 'partial') this.#since = performance.now();
    this.#deadline = setTimeout(late, left);
  }

  /** After a part of a body frame the next one has the rest of the time. */
  #stopTimers(turn: Turn): void {
    if (turn.mode !== 'partial') this.#spent = 0;
    else if (this.#since !== undefined) this.#spent += performance.now() - this.#since;
    this.#since = undefined;
    if (this.#progress !== undefined) {
      clearInterval(this.#progress);
      this.#progress = undefined;
    }
    if (this.#deadline === undefined) return;
    clearTimeout(this.#deadline);
    this.#deadline = undefined;
  }

  #late(turn: Turn): Error {
    const name = limitOf(turn);
    return tooSlow(turn.stage, { waited: this.#timeouts[name], limit: `timeouts.${name}` });
  }
}

/** The flaw of an answer, with the line that made it. */
function placed(flaw: AnswerError | undefined): AnswerError | undefined {
  if (flaw !== undefined) located(flaw, undefined);
  return flaw;
}

/** The MTA does not wait at a silent stage: a turn that is paused there has as much time as the end of a message. */
function limitOf(turn: Turn): 'eom' | 'reply' {
  return turn.stage === 'eom' || turn.mode === 'silent' ? 'eom' : 'reply';
}
