import type { Observable } from 'rxjs';

import { quote } from '../../common/printable.js';
import { textOf } from '../../common/text-of.js';
import type { Site } from '../../session/answer-watch.js';
import { type Decision, isLegal, knownDecision } from '../../session/decisions.js';
import { AnswerError } from '../../session/errors.js';
import type { Answer, Flow, StageEvent } from '../../session/flow.js';
import type { Edit, Modification } from '../../session/modifications.js';
import { passes } from '../../session/same-answer.js';
import type { Stage } from '../../session/stage.js';
import { turnOf } from '../../session/turn.js';
import { tendBodies } from './tend-body.js';

/** Nothing: the event travels on. `false` is what `unwanted && reject()` leaves. */
export type Undecided = void | undefined | null | false;

/** One answer, or none. */
type Maybe<S extends Stage> = Undecided | Answer<S>;

/** Several answers in a row; what a generator returns in the end is the last one. */
interface AnswersNow<S extends Stage> {
  [Symbol.iterator](): Iterator<Maybe<S>, Maybe<S>, undefined>;
}

/** Answers that are there at once. */
export type AnswerNow<S extends Stage> = Maybe<S> | AnswersNow<S>;

/** Several answers in a row, each in its time. */
interface AnswersLater<S extends Stage> {
  [Symbol.asyncIterator](): AsyncIterator<AnswerNow<S>, AnswerNow<S>, undefined>;
}

/** What a project may return. */
export type AnswerInput<S extends Stage> =
  AnswerNow<S> | PromiseLike<AnswerNow<S>> | Observable<AnswerNow<S>> | AnswersLater<S>;

/**
 * What a project at stage `S` returns: `R` where it is legal there, and else a sentence for the compiler to say.
 *
 * The compiler infers from the first branch, for one that `new Promise(…)` is one of an answer.
 */
export type Legal<S extends Stage, R> = [R] extends [
  AnswerNow<S> | PromiseLike<AnswerNow<S>> | Observable<AnswerNow<S>>,
]
  ? AnswerNow<S> | PromiseLike<AnswerNow<S>> | Observable<AnswerNow<S>>
  : [R] extends [AnswerInput<S>]
    ? R
    : LegalAnswers[S] | Extract<R, Undecided>;

interface LegalAnswers {
  connect: `at connect: ${BeforeMail}`;
  helo: `at helo: ${BeforeMail}`;
  mail: `at mail: ${OfMessage}`;
  rcpt: `at rcpt: ${OfMessage}`;
  data: `at data: ${OfMessage}`;
  header: `at header: ${OfMessage}`;
  eoh: `at eoh: ${OfMessage}`;
  body: `at body: ${OfMessage} or skip()`;
  eom: `at eom: ${OfMessage}, a modification or an edit`;
  unknown: 'at unknown: nothing, allow(), reject() or tempfail()';
}
type BeforeMail = 'nothing, allow(), accept(), reject() or tempfail()';
type OfMessage = 'nothing, allow(), accept(), reject(), tempfail(), discard()';

const NONE: readonly Modification[] = Object.freeze([]);
const DECISIONS: readonly string[] = [
  'allow',
  'accept',
  'reject',
  'tempfail',
  'discard',
  'skip',
] satisfies Decision['kind'][];
const CHANGES: readonly string[] = Object.keys({
  addHeader: 0,
  insertHeader: 0,
  changeHeader: 0,
  deleteHeader: 0,
  replaceBody: 0,
  addRecipient: 0,
  deleteRecipient: 0,
  changeSender: 0,
  quarantine: 0,
  edit: 0,
} satisfies Record<(Modification | Edit)['kind'], 0>);

/** Takes one answer, or an array of them; whether the decision was among them. */
export function takeAll(answers: Answers, result: unknown): boolean {
  return Array.isArray(result) ? result.some((answer) => answers.take(answer)) : answers.take(result);
}

/** Gathers the answers of one event, until there is a decision. */
export class Answers {
  readonly #event: StageEvent;
  readonly #site: Site | undefined;
  #decision: Decision | undefined;
  #modifications: Modification[] | undefined;
  #edit: Edit | undefined;
  #readLater = false;

  /** @param site the call of the operator whose answers they are */
  constructor(event: StageEvent, site?: Site) {
    this.#event = event;
    this.#site = site;
  }

  /** Whether there is a body among them that is read only once they are all there: what makes it still runs then. */
  get readLater(): boolean {
    return this.#readLater;
  }

  /** Whether the message does not pass by the decision. */
  get refuses(): boolean {
    return this.#decision !== undefined && !passes(this.#decision);
  }

  /**
   * Takes one more answer; whether it was the decision, after which nothing more counts.
   *
   * @throws AnswerError where it is no answer, or not one for this stage
   */
  take(answer: unknown): boolean {
    if (answer === undefined || answer === null || answer === false) return false;
    const { stage } = this.#event;
    const kind = kindOf(answer);
    if (isDecisionKind(kind)) {
      if (!isLegal(kind, stage)) {
        throw new AnswerError(`${kind}() is not legal at stage ${stage}. Use ${legalAt(stage)}.`);
      }
      this.#decision = knownDecision(kind, answer as Decision);
      return true;
    }
    if (!CHANGES.includes(kind)) {
      throw new AnswerError(
        `${describe(answer)} is not an answer at stage ${stage}. Return what ${legalAt(stage)} make, or nothing.`,
      );
    }
    const change = kind === 'edit' ? copyOf(answer as Edit) : (answer as Modification);
    // Also where it is no answer for this stage: no other code knows of it.
    if ((kind === 'replaceBody' || kind === 'edit') && tendBodies(change, this.#event))
      this.#readLater = true;
    if (stage !== 'eom') {
      throw new AnswerError(
        `${kind}() is not legal at stage ${stage}: a message can be changed only at eom.`,
      );
    }
    if (kind === 'edit') this.#takeEdit(change as Edit);
    else {
      this.#note(change as Modification);
      (this.#modifications ??= []).push(change as Modification);
    }
    return false;
  }

  #takeEdit(edit: Edit): void {
    if (this.#edit !== undefined) {
      throw new AnswerError(
        'edit(): a second edit of the same message, which knows nothing of the first. Make all changes in one of them.',
      );
    }
    for (const one of edit.modifications) this.#note(one);
    this.#edit = edit;
  }

  #note(modification: Modification): void {
    if (this.#site !== undefined) turnOf(this.#event)?.message?.givenBy(this.#site, modification);
  }

  /** What the event has become: itself, itself with more modifications on it, or a reply. */
  result(): Flow {
    const event = this.#event;
    const before = event.stage === 'eom' ? event.modifications : NONE;
    const modifications = this.#added(before);
    if (this.#decision !== undefined)
      return { stage: 'reply', to: event, decision: this.#decision, modifications };
    return modifications === before || event.stage !== 'eom' ? event : { ...event, modifications };
  }

  #added(before: readonly Modification[]): readonly Modification[] {
    const own = this.#modifications ?? NONE;
    if (this.#edit === undefined) return own === NONE ? before : joined(before, own);
    const { modifications, replaces } = this.#edit;
    return joined(joined(without(before, replaces), modifications), own);
  }
}

/** Both lists; one of them itself where the other is empty. */
function joined<T>(one: readonly T[], other: readonly T[]): readonly T[] {
  if (one.length === 0) return other;
  return other.length === 0 ? one : [...one, ...other];
}

function without<T>(all: readonly T[], some: readonly T[]): readonly T[] {
  if (all.length === 0 || some.length === 0) return all;
  // A set: there may be as many as a message has recipients.
  const gone = new Set(some);
  return all.filter((one) => !gone.has(one));
}

/** Of an edit that is not made by `edit()` each part is read once. */
function copyOf({ modifications, replaces }: Edit): Edit {
  if (!Array.isArray(modifications) || !Array.isArray(replaces)) {
    throw new AnswerError('edit: modifications and replaces are not both arrays. Give what edit() makes.');
  }
  return { kind: 'edit', modifications: Array.from(modifications), replaces: Array.from(replaces) };
}

/** The decision where it is what `reject()` and its like make, or the same written by hand. */
export function decisionIn(answer: unknown): Decision | undefined {
  const kind = kindOf(answer);
  return isDecisionKind(kind) ? knownDecision(kind, answer as Decision) : undefined;
}

function isDecisionKind(kind: string): kind is Decision['kind'] {
  return DECISIONS.includes(kind);
}

/** Whether it is what `addHeader()` and its like make, or `edit()`. */
export function isChange(answer: unknown): answer is Modification | Edit {
  return CHANGES.includes(kindOf(answer));
}

/** Read once: it may be a getter. */
function kindOf(answer: unknown): string {
  if (typeof answer !== 'object' || answer === null) return '';
  const { kind } = answer as { readonly kind?: unknown };
  return typeof kind === 'string' ? kind : '';
}

function legalAt(stage: Stage): string {
  const legal = DECISIONS.filter((kind) => isLegal(kind, stage)).map((kind) => `${kind}()`);
  return [...legal, ...(stage === 'eom' ? ['addHeader()', '…'] : [])].join(', ');
}

function describe(answer: unknown): string {
  if (typeof answer === 'string') return quote(answer);
  if (typeof answer === 'function') return `The function ${answer.name || 'itself'}, which has to be called,`;
  if (Array.isArray(answer)) return 'An array within another';
  return typeof answer === 'object' && answer !== null ? 'An object of another kind' : textOf(answer);
}
