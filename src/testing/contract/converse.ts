import { type OperatorFunction, tap } from 'rxjs';

import { messageOf } from '../../common/text-of.js';
import type { MtaEvent } from '../../mta/client/answer.js';
import { type MtaMacros, wireMacros } from '../../mta/client/macros.js';
import { MilterError } from '../../mta/client/milter-error.js';
import { MtaConnection } from '../../mta/client/mta-connection.js';
import { commandsOf, openingOf } from '../../mta/simulate/mail-commands.js';
import type { ClientMail, ClientOptions } from '../../mta/simulate/mail.js';
import { UnansweredError } from '../../session/errors.js';
import type { Flow, MilterEvent } from '../../session/flow.js';
import type { Outcome } from '../../session/outcome.js';
import { turnOf } from '../../session/turn.js';
import { type StepAnswer, stepAnswer } from '../step-answer.js';
import type { ResolvedContract } from './contract-options.js';

/** An event that went into the filter, or an event or reply that came out of it. */
type Entry =
  { readonly way: 'in'; readonly flow: MilterEvent } | { readonly way: 'out'; readonly flow: Flow };

/** A filter between two observers, on one connection. Its tags are not known, so that an MTA asks about everything. */
export class Watch {
  /** The events and replies that went in and came out, in order. */
  readonly log: Entry[] = [];
  readonly filter: OperatorFunction<Flow, Flow>;
  /** The newest event that went in. */
  newest: MilterEvent | undefined;
  /** How the filter ended before its connection, and after which event. */
  end: { readonly after: MilterEvent | undefined; readonly how: string } | undefined;

  constructor(filter: OperatorFunction<Flow, Flow>) {
    const end = (how: string): void => {
      // After close the connection itself is over.
      if (this.newest?.stage !== 'close') this.end = { after: this.newest, how };
    };
    this.filter = (source) =>
      source.pipe(
        tap((flow) => {
          if (flow.stage === 'reply') return;
          this.newest = flow;
          this.log.push({ way: 'in', flow });
        }),
        filter,
        tap({
          next: (flow) => void this.log.push({ way: 'out', flow }),
          error: (error: unknown) => end(`failed: ${messageOf(error)}`),
          complete: () => end('completed.'),
        }),
      );
  }

  /** The events and replies that came of an event. */
  cameOf(event: MilterEvent): Flow[] {
    return this.log.flatMap(({ way, flow }) => (way === 'out' && isSame(eventOf(flow), event) ? [flow] : []));
  }
}

/** The event itself, or the event that a reply is to. */
export function eventOf(flow: Flow): MilterEvent {
  return flow.stage === 'reply' ? flow.to : flow;
}

/** Whether one of them is the other, or a copy of it. */
export function isSame(one: MilterEvent, other: MilterEvent): boolean {
  const turn = turnOf(one);
  return one === other || (turn !== undefined && turn === turnOf(other));
}

/** A step of a conversation, and the answer to it. */
export interface Line {
  readonly step: string;
  readonly answer: StepAnswer;
}

/** The result of a conversation. */
export interface Conversation {
  readonly watch: Watch;
  readonly outcomes: readonly Outcome[];
  /** Whether it ended early. */
  readonly cut: boolean;
}

/**
 * Has a conversation with the filter, as a client. It ends at the first event without an answer, and where the filter
 * closes the connection: the rules that are about that find it in the log.
 */
export async function converse(
  filter: OperatorFunction<Flow, Flow>,
  { macros, session, timeout }: ResolvedContract,
  client: ClientOptions,
  speak: (speaker: Speaker) => Promise<void>,
): Promise<Conversation> {
  const watch = new Watch(filter);
  const outcomes: Outcome[] = [];
  const connection = await MtaConnection.open(watch.filter, {
    session: { ...session, timeouts: { ...session.timeouts, reply: timeout, eom: timeout } },
    outcome: (outcome) => void outcomes.push(outcome),
  });
  try {
    const speaker = new Speaker(connection, macros, outcomes);
    for (const command of openingOf(client)) await speaker.ask(command);
    await speak(speaker);
    await connection.quit();
    return { watch, outcomes, cut: false };
  } catch (error) {
    if (!(error instanceof UnansweredError || error instanceof MilterError)) throw error;
    return { watch, outcomes, cut: true };
  } finally {
    connection.destroy();
  }
}

/** Speaks to the filter over one connection, in lock-step. */
export class Speaker {
  readonly #connection: MtaConnection;
  readonly #macros: MtaMacros;
  readonly #outcomes: readonly Outcome[];

  constructor(connection: MtaConnection, macros: MtaMacros, outcomes: readonly Outcome[]) {
    this.#connection = connection;
    this.#macros = { j: 'mta.example.org', ...macros };
    this.#outcomes = outcomes;
  }

  /** Sends a mail, as a whole or up to the end of its headers, and an abort; returns the answer to each step. */
  async mail(mail: ClientMail, extent: 'whole' | 'headers' = 'whole'): Promise<readonly Line[]> {
    const lines: Line[] = [];
    let recipients = 0;
    for (const command of commandsOf(mail)) {
      const { type } = command;
      if ((type === 'data' && recipients === 0) || (type === 'eoh' && extent === 'headers')) break;
      const answer = await this.ask(command, mail.macros);
      const { verdict } = answer;
      lines.push({ step: nameOf(command), answer });
      const goesOn = verdict === 'continue' || verdict === 'skip';
      if (type === 'rcpt' && goesOn) recipients++;
      // A refused recipient is one of several.
      if (!goesOn && !(type === 'rcpt' && (verdict === 'reject' || verdict === 'tempfail'))) break;
    }
    await this.#connection.abort();
    return lines;
  }

  /** Sends a command, and returns the answer to it. */
  async ask(command: MtaEvent, macros: MtaMacros = {}): Promise<StepAnswer> {
    const answer = await this.#connection.ask(command, wireMacros({ ...this.#macros, ...macros }));
    const late = this.#outcomes.find(({ error }) => error instanceof UnansweredError);
    if (late?.error !== undefined) throw late.error;
    return stepAnswer(answer, true);
  }
}

function nameOf(command: MtaEvent): string {
  if (command.type === 'header') return `header ${command.name}`;
  return 'address' in command ? `${command.type} ${command.address}` : command.type;
}
