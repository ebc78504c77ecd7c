import { BodyChannel } from '../../message/body/body-channel.js';
import { CollectedMessage, tellReader } from '../../message/collected-message.js';
import type { Collection } from '../../message/collection.js';
import { watchOf } from '../../session/answer-watch.js';
import type { Body, Eom, Flow, Reply, StageEvent } from '../../session/flow.js';
import { TURN, Turn, type Turned, turnOf } from '../../session/turn.js';
import type { MessageStep } from './collector.js';
import { failedEvent, isRefusal, replyTo } from './failed-event.js';
import { LazyContext, ProjectRun, type RunOwner } from './project-run.js';

const ABORTED = 'The message was aborted, or has its answer already: the rest of its body does not come.';

const MISSED = 'A piece of the body was not taken in time, and the message is not looked at any further.';

/** A project that reads a body while it arrives, and whose answer is given at the end of the message. */
export class StreamedProject implements RunOwner {
  /** A piece of the body was not taken in time, and no failure was said for that yet. */
  missed = false;
  /** What it reads the body from. */
  readonly channel: BodyChannel;
  readonly #run: ProjectRun;
  /** The end of the message as long as it has not come: what the project answers is the answer to that. */
  readonly #turn: Turn | undefined;
  /** What the project has answered. */
  #result: Eom | Reply | undefined;
  #eom: { readonly event: Eom; readonly done: (flow: Flow) => void } | undefined;
  #cancelled = false;

  constructor({ project, site }: MessageStep, event: StageEvent, collection: Collection) {
    const { session } = event;
    const failed = (reason: unknown): void => {
      tellReader(event, reason);
    };
    this.channel = new BodyChannel(failed);
    const turn = turnOf(event);
    this.#turn = turn && new Turn(turn.owner, 'eom', 'reply', turn.message, 0);
    turn?.message?.onEnd(() => this.#turn?.end());
    const eom: Eom & Partial<Turned> = {
      stage: 'eom',
      session,
      modifications: [],
      ...(this.#turn && { [TURN]: this.#turn }),
    };
    const context = new LazyContext(eom, site);
    this.#run = new ProjectRun(eom, context, this, watchOf(project));
    const message = new CollectedMessage<'stream'>(eom, collection, this.channel.body, failed);
    context.whole = { message, draft: undefined };
    this.#run.call(() => project(message, context));
  }

  /** It reads no more, and has not answered yet. */
  get deciding(): boolean {
    return this.channel.unwanted && this.#result === undefined;
  }

  /** The end of the message has come. */
  get ending(): boolean {
    return this.#eom !== undefined;
  }

  /** The answer to a piece of the body, where the project has refused the message already. */
  refusalOf(event: Body): Reply | undefined {
    const result = this.#result;
    return result !== undefined && isRefusal(result) ? replyTo(event, result, []) : undefined;
  }

  /** The end of the message has come; `done` gets it, once the project has answered. */
  finish(event: Eom, complete: boolean, done: (flow: Flow) => void): void {
    if (this.#cancelled) {
      // It was too slow for a piece of the body, and has had its failure there.
      done(this.missed ? failedEvent(event, new Error(MISSED)) : event);
      return;
    }
    this.#eom = { event, done };
    const turn = turnOf(event);
    turn?.onEnd(() => {
      this.cancel();
      this.#turn?.end();
    });
    this.channel.end(complete);
    this.#settle();
  }

  /** The answer is not wanted any more. */
  cancel(): void {
    this.#cancelled = true;
    this.#eom = undefined;
    this.#run.cancel();
    this.channel.fail(new Error(ABORTED));
  }

  /** See `RunOwner`. */
  done(_run: ProjectRun, flow: Flow): void {
    // The end of the message is what it was asked about.
    this.#result = flow as Eom | Reply;
    this.channel.drop();
    this.#settle();
  }

  #settle(): void {
    const [result, eom] = [this.#result, this.#eom];
    if (result === undefined || eom === undefined) return;
    this.#eom = undefined;
    const { event, done } = eom;
    const modifications = [...event.modifications, ...result.modifications];
    if (result.stage === 'reply') done(replyTo(event, result, modifications));
    else done(result.modifications.length === 0 ? event : { ...event, modifications });
  }
}
