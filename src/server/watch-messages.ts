import { RunningStep, type Downstream, type Step } from '../operators/core/step.js';
import { scopeOf } from '../session/decision-scope.js';
import { type Decision, UNDECIDED } from '../session/decisions.js';
import type { Flow, MilterEvent, Rcpt, Rejection } from '../session/flow.js';
import type { Modification } from '../session/modifications.js';
import { tagsFor } from '../session/negotiation/tags.js';
import type { MessageOutcome, MessageResult, RecipientOutcome } from '../session/outcome.js';
import { passes } from '../session/same-answer.js';
import type { SessionInfo } from '../session/session-info.js';
import { ALL_STAGES, BIT, type Stage } from '../session/stage.js';
import { MessageScope, type Turn, turnOf } from '../session/turn.js';

/**
 * Watches the messages of a connection from the front of its filters, and calls back when one is over.
 *
 * It asks for the envelope and the end of messages, without an answer; other events it sees where a filter wants them.
 */
export function watchMessages(over: (outcome: MessageOutcome) => void): Step {
  return {
    tags: tagsFor(0, BIT.mail | BIT.rcpt | BIT.eom),
    interest: ALL_STAGES | BIT.abort,
    open: (down) => new MessageWatch(over, down),
  };
}

class MessageWatch extends RunningStep {
  readonly #over: (outcome: MessageOutcome) => void;
  #current: WatchedMessage | undefined;

  constructor(over: (outcome: MessageOutcome) => void, down: Downstream) {
    super(down);
    this.#over = over;
  }

  override next(flow: Flow): void {
    // Nothing is decided yet at the front.
    const event = flow as MilterEvent;
    const turn = turnOf(event);
    if (turn?.message instanceof MessageScope) this.#watched(event, turn.message).see(event, turn);
    this.down.next(flow);
  }

  #watched({ session }: MilterEvent, scope: MessageScope): WatchedMessage {
    if (this.#current?.scope === scope) return this.#current;
    const message = new WatchedMessage(scope, session);
    this.#current = message;
    scope.onEnd(() => {
      if (this.#current === message) this.#current = undefined;
      this.#over(message.outcome());
    });
    return message;
  }
}

interface WatchedRecipient {
  readonly address: string;
  readonly rejected: Rejection | undefined;
  decision: Decision | undefined;
}

/** A message in progress. */
class WatchedMessage {
  readonly scope: MessageScope;
  readonly #session: SessionInfo;
  readonly #began = performance.now();
  #sender = '';
  #declared: number | undefined;
  readonly #recipients: WatchedRecipient[] = [];
  #counted = 0;
  #headers = false;
  /** How much of the body was seen. */
  #body: 'none' | 'some' | 'all' = 'none';
  #facts: Pick<MessageOutcome, 'queueId' | 'auth' | 'tls'> | undefined;
  /** The decision that ended it, or the last refusal that the MTA may have taken for its end. */
  #ending: { readonly stage: Stage; readonly decision: Decision | undefined } | undefined;
  #ended = false;
  #aborted = false;
  #modifications: readonly Modification[] = [];
  #skipped: readonly Modification[] = [];
  #error: Error | undefined;

  constructor(scope: MessageScope, session: SessionInfo) {
    this.scope = scope;
    this.#session = session;
  }

  see(event: MilterEvent, turn: Turn): void {
    switch (event.stage) {
      case 'mail':
        this.#sender = event.address;
        if (/^\d+$/.test(event.params.SIZE ?? '')) this.#declared = Number(event.params.SIZE);
        break;
      case 'rcpt':
        this.#recipient(event, turn);
        break;
      case 'header':
        this.#headers = true;
        this.#counted += event.name.length + 1 + event.raw.length + (event.session.leadingSpace ? 2 : 3);
        break;
      case 'body':
        this.#counted += event.chunk.length;
        if (this.#body === 'none') this.#body = 'all';
        break;
      case 'abort':
        this.#aborted = true;
        this.#note();
        return;
      default:
    }
    turn.onEnd(() => this.#answered(event.stage as Stage, turn));
  }

  outcome(): MessageOutcome {
    const { client, helo } = this.#session;
    const { stage, decision } = this.#ending ?? {};
    const recipients = this.#recipients.map(recipientOutcome);
    const refused = recipients.length > 0 && recipients.every(({ result }) => result !== 'accepted');
    const ended = this.#ended || (stage === 'rcpt' ? refused : stage === 'data');
    let result: MessageResult = this.scope.lost || !this.#aborted ? 'lost' : 'aborted';
    if (ended) {
      const held = this.#modifications.some(({ kind }) => kind === 'quarantine');
      result = held ? 'quarantined' : resultOf(decision);
    }
    return {
      session: this.#session,
      client,
      helo,
      ...(this.#facts ?? { queueId: undefined, auth: undefined, tls: undefined }),
      sender: this.#sender,
      recipients,
      result,
      stage: ended && decision !== UNDECIDED && decision !== undefined ? stage : undefined,
      decision: ended && decision !== UNDECIDED ? decision : undefined,
      text: ended ? textOf(decision) : '',
      modifications: this.#modifications,
      skipped: this.#skipped,
      size: this.#headers && this.#body === 'all' ? this.#counted + 2 : this.#declared,
      duration: performance.now() - this.#began,
      rounds: this.scope.rounds,
      error: this.#error,
    };
  }

  #recipient({ address, rejected }: Rcpt, turn: Turn): void {
    const recipient: WatchedRecipient = { address, rejected, decision: undefined };
    this.#recipients.push(recipient);
    this.#note();
    turn.onEnd(() => (recipient.decision = turn.decision));
  }

  /** The MTA has its answer, or does not wait for one any more. */
  #answered(stage: Stage, turn: Turn): void {
    const { decision } = turn;
    this.#error ??= turn.error;
    if (decision?.kind === 'skip') this.#body = 'some';
    if (decision === undefined && turn.mode !== 'silent') return;
    const ends = scopeOf(stage, decision) === 'message';
    if (ends) this.#note();
    if (ends || (decision !== undefined && !passes(decision) && (stage === 'rcpt' || stage === 'data'))) {
      this.#ending = { stage, decision };
      this.#ended = ends;
    } else if (stage === 'rcpt' || stage === 'data') this.#ending = undefined;
    if (turn.modifications !== undefined) this.#modifications = turn.modifications;
    if (turn.skipped !== undefined) this.#skipped = turn.skipped;
  }

  /** The macros of a message are gone when it is over: they are read where it may end, and not at each of its events. */
  #note(): void {
    const { queueId, auth, tls } = this.#session;
    this.#facts = { queueId: queueId ?? this.#facts?.queueId, auth, tls };
  }
}

function resultOf(decision: Decision | undefined): MessageResult {
  if (decision === undefined || passes(decision)) return 'accepted';
  if (decision.kind === 'discard') return 'discarded';
  return decision.kind === 'tempfail' ? 'deferred' : 'refused';
}

function recipientOutcome({ address, rejected, decision }: WatchedRecipient): RecipientOutcome {
  if (rejected !== undefined) {
    const result = rejected.status.startsWith('4') ? 'deferred' : 'refused';
    return {
      address,
      result,
      text: [rejected.status, rejected.text].filter((part) => part !== '').join(' '),
    };
  }
  if (decision?.kind !== 'reject' && decision?.kind !== 'tempfail') {
    return { address, result: 'accepted', text: '' };
  }
  return { address, result: decision.kind === 'reject' ? 'refused' : 'deferred', text: textOf(decision) };
}

/** The reply of a decision, as the client sees it, in one line. */
function textOf(decision: Decision | undefined): string {
  if (decision === undefined || !('reply' in decision)) return '';
  const { code, enhanced, lines } = decision.reply;
  return [code, ...(enhanced === undefined ? [] : [enhanced]), ...lines].join(' ');
}
