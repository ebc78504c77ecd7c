import { type Filter, makeFilter } from '../../operators/core/filter.js';
import { ProjectRun, type RunOwner, LazyContext } from '../../operators/core/project-run.js';
import type { Downstream, Upstream } from '../../operators/core/step.js';
import { markFailed, tell } from '../../session/failures.js';
import type { Flow, StageEvent } from '../../session/flow.js';
import { tagsFor } from '../../session/negotiation/tags.js';
import { BIT, bitOf } from '../../session/stage.js';
import { type MessageScope, turnOf } from '../../session/turn.js';
import type { EndpointInput } from '../../transport/sockets/endpoint.js';
import { RemoteLink } from './remote-link.js';
import { type RemoteOptions, type ResolvedRemote, resolveRemote, wishOf } from './remote-options.js';

/**
 * Asks a milter elsewhere (OpenDKIM, a virus scanner, another rxmilter) as a filter.
 *
 * @remarks
 * It has a connection of its own for each SMTP connection, and sees the message as it came. Its refusals, discards and
 * modifications become those of this pipeline; where it accepts a message, later filters are still asked. Where it cannot
 * be reached, is too slow or breaks the protocol, `failure` decides that event and the rest of its message, and a
 * `RemoteError` is reported; an `UngrantedError` where it does not work with the rights that the mail server grants. Where the message is aborted while it owes an answer, its connection is closed.
 *
 * @throws EndpointError, TypeError, RangeError or AnswerError where an argument is wrong
 * @example
 * serve(remote('inet:8891@127.0.0.1', { failure: 'pass' }), { listen: 'inet:8892@127.0.0.1', leadingSpace: true });
 */
export function remote(endpoint: EndpointInput, options: RemoteOptions = {}): Filter {
  const settings = resolveRemote(endpoint, options);
  // Client, HELO, sender and recipients are kept, so that they can be sent before any other event.
  const wish = wishOf(settings);
  const observes = BIT.connect | BIT.helo | BIT.mail | BIT.rcpt;
  return makeFilter([
    {
      tags: tagsFor(settings.stages, observes, wish.rights === 0 ? [] : [wish]),
      interest: settings.stages | observes | BIT.reply | BIT.abort | BIT.close,
      open: (down) => new RemoteRun(settings, down),
    },
  ]);
}

interface Asked {
  /** The flow that travels on whatever the milter answers: an earlier filter or the MTA has decided. */
  readonly settled: Flow | undefined;
  error: Error | undefined;
}

/** A milter elsewhere as a step of one running pipeline. */
class RemoteRun implements Upstream, RunOwner {
  readonly #settings: ResolvedRemote;
  readonly #link: RemoteLink;
  readonly #down: Downstream;
  readonly #runs = new Map<ProjectRun, Asked>();
  /** One event after the other: in a session there is only one, in a drawing there may be several. */
  #last: Promise<unknown> = Promise.resolve();
  #message: MessageScope | undefined;
  #completed = false;

  constructor(settings: ResolvedRemote, down: Downstream) {
    this.#settings = settings;
    this.#link = new RemoteLink(settings);
    this.#down = down;
  }

  next(flow: Flow): void {
    if (flow.stage === 'abort' || flow.stage === 'close') {
      this.#cancelAll();
      if (flow.stage === 'abort') this.#link.endMessage();
      else this.#link.end();
      this.#down.next(flow);
      return;
    }
    const isReply = flow.stage === 'reply';
    const event = isReply ? flow.to : flow;
    // The milter hears nothing of what an earlier filter has refused or taken out of the pipeline, as from an MTA.
    const isHeard = !isReply || (flow.decision.kind === 'allow' && event.stage !== 'eom');
    if (isHeard) {
      this.#link.note(event);
      this.#watch(event);
    }
    if (!isHeard || (bitOf(event.stage) & this.#settings.stages) === 0) {
      this.#down.next(flow);
      return;
    }
    // A recipient that the MTA has rejected is shown to the milter, and stays rejected.
    const rejected = event.stage === 'rcpt' && event.rejected !== undefined;
    this.#ask(event, isReply || rejected ? flow : undefined);
  }

  error(error: unknown): void {
    this.close();
    this.#down.error(error);
  }

  complete(): void {
    this.#completed = true;
    this.#completeIfDone();
  }

  close(): void {
    this.#completed = false;
    this.#cancelAll();
    this.#link.end();
  }

  done(run: ProjectRun, flow: Flow): void {
    const { settled, error } = this.#runs.get(run) ?? {};
    const { event } = run;
    this.#runs.delete(run);
    if (error !== undefined) {
      if (settled === undefined && flow.stage === 'reply') markFailed(flow, error);
      else tell(error, event.stage, turnOf(event)?.owner);
    }
    this.#down.next(settled ?? flow);
    // A connection says itself when the message is over.
    if (event.stage === 'eom' && turnOf(event) === undefined) this.#link.endMessage();
    this.#completeIfDone();
  }

  gone(run: ProjectRun): void {
    this.#runs.delete(run);
    this.#completeIfDone();
  }

  #ask(event: StageEvent, settled: Flow | undefined): void {
    const context = new LazyContext(event, this.#settings.site);
    const run = new ProjectRun(event, context, this);
    if (!run.active) return;
    const asked: Asked = { settled, error: undefined };
    this.#runs.set(run, asked);
    const answer = this.#last.then(async () => {
      const { signal } = context;
      if (signal.aborted) return undefined;
      const { decision, modifications = [], error } = await this.#link.ask(event, signal);
      asked.error = error;
      return decision === undefined ? modifications : [...modifications, decision];
    });
    this.#last = answer.catch(() => undefined);
    run.drive(answer);
  }

  #watch(event: StageEvent): void {
    const message = turnOf(event)?.message;
    if (message === undefined || message === this.#message) return;
    this.#message = message;
    message.onEnd(() => this.#link.endMessage());
  }

  #cancelAll(): void {
    for (const run of [...this.#runs.keys()]) run.cancel();
  }

  #completeIfDone(): void {
    if (!this.#completed || this.#runs.size > 0) return;
    this.close();
    this.#down.complete();
  }
}
