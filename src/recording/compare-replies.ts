import type { OperatorFunction } from 'rxjs';

import { checkOptions } from '../common/options.js';
import { agree } from '../mta/client/agreement.js';
import { type MtaEvent, readAnswer } from '../mta/client/answer.js';
import { filterEnd } from '../mta/client/filter-end.js';
import { MilterError } from '../mta/client/milter-error.js';
import { MilterState } from '../mta/client/milter-state.js';
import { ReplyStream } from '../mta/client/reply-stream.js';
import type { Flow } from '../session/flow.js';
import { SESSION_RULES, type SessionOptions } from '../session/options.js';
import { type Command, commandCodec } from '../transport/wire/commands.js';
import { describeMessage } from '../transport/wire/describe-message.js';
import type { WireReply } from '../transport/wire/replies.js';
import type { RecordedSession } from './recording.js';

/** An event that a filter answers otherwise than it was answered when it was recorded. */
export interface ReplyDifference {
  /** The event, in a line. */
  readonly event: string;
  /** Milliseconds from the beginning of the recorded session. */
  readonly ms: number;
  /** What was said then, and what is said now: modifications and the final reply, each in a line. */
  readonly recorded: readonly string[];
  readonly replayed: readonly string[];
}

interface Recorded {
  readonly ms: number;
  readonly command: Command;
  readonly replies: readonly WireReply[];
}

const PATIENCE = 300_000;
const LARGEST_REPLY = 1_048_576;
const OFFER = { version: 6, actions: 0x1ff, protocol: 0x1fffff };

/**
 * Plays a recorded session to a filter, as fast as it answers, and gives the events that it answers otherwise than was
 * recorded. Silence (of an event that nobody wants or waits for) counts as "continue".
 *
 * Resolves; a filter that breaks the protocol makes a difference at that event, and ends the comparison. Events after a
 * decision that the recording does not have are not compared: they are no longer sent.
 *
 * @param options what `serve()` was told when it was recorded
 * @example const differences = await compareReplies(session, filter);
 */
export async function compareReplies(
  { frames }: RecordedSession,
  filter: OperatorFunction<Flow, Flow>,
  options: SessionOptions = {},
): Promise<readonly ReplyDifference[]> {
  checkOptions('compareReplies()', options, SESSION_RULES);
  const events = eventsOf(frames);
  const stream = new ReplyStream(filterEnd(filter, { session: options }), LARGEST_REPLY);
  const differences: ReplyDifference[] = [];
  try {
    const offer = events.find(({ command }) => command.type === 'optneg')?.command;
    const player = await Player.open(stream, offer);
    for (const { ms, command, replies } of events) {
      const replayed = await player.play(command);
      if (replayed === undefined) continue;
      const recorded = linesOf(replies);
      if (recorded.join('\n') !== replayed.join('\n')) {
        differences.push({ event: describeMessage(command), ms, recorded, replayed });
      }
      if (player.broken) break;
    }
  } finally {
    stream.destroy();
  }
  return differences;
}

/** The MTA's part, in lock-step. */
class Player {
  broken = false;
  readonly #stream: ReplyStream;
  readonly #agreement: ReturnType<typeof agree>;
  readonly #agenda: MilterState;
  /** The last macros for each event. */
  readonly #macros = new Map<string, Buffer>();
  #decided = false;

  private constructor(stream: ReplyStream, agreement: ReturnType<typeof agree>) {
    this.#stream = stream;
    this.#agreement = agreement;
    this.#agenda = new MilterState(agreement);
  }

  static async open(stream: ReplyStream, recorded: Command | undefined): Promise<Player> {
    const offer = recorded?.type === 'optneg' ? recorded : { type: 'optneg' as const, ...OFFER, lists: [] };
    await stream.write(commandCodec.encode(offer), PATIENCE);
    const answer = await stream.next(PATIENCE);
    if (answer.type !== 'optneg')
      throw new MilterError('negotiation', 'optneg', `it answered ${answer.type}`);
    return new Player(stream, agree(offer, answer));
  }

  /** What is said to the event; `undefined` where it is none, or nobody is asked any more. */
  async play(command: Command): Promise<string[] | undefined> {
    const frame = commandCodec.encode(command);
    switch (command.type) {
      case 'optneg':
      case 'quit':
      case 'quitNc':
        return undefined;
      case 'macro':
        this.#macros.set(command.target, frame);
        return undefined;
      case 'abort':
        await this.#stream.write(frame, PATIENCE);
        return undefined;
      default:
        return this.#ask(command, frame);
    }
  }

  async #ask(event: MtaEvent, frame: Buffer): Promise<string[] | undefined> {
    if (event.type === 'mail') this.#decided = false;
    const plan = this.#agenda.plan(event.type);
    if (this.#decided || this.#agenda.sessionOver) return undefined;
    const letter = String.fromCharCode(frame[4] ?? 0);
    const macros = this.#macros.get(letter) ?? Buffer.alloc(0);
    this.#macros.delete(letter);
    const received: WireReply[] = [];
    try {
      if (plan !== 'nothing') {
        await this.#stream.write(plan === 'macros' ? macros : Buffer.concat([macros, frame]), PATIENCE);
      }
      if (plan === 'ask') {
        const source = { stream: this.#stream, agreement: this.#agreement, options: {}, received };
        const { verdict } = await readAnswer(event.type, source);
        this.#agenda.decided(event.type, verdict);
        this.#decided =
          verdict.kind !== 'continue' &&
          verdict.kind !== 'skip' &&
          event.type !== 'unknown' &&
          !(event.type === 'rcpt' && verdict.kind === 'refuse');
      }
    } catch (error) {
      if (!(error instanceof MilterError)) throw error;
      this.broken = true;
      return [...linesOf(received), error.message];
    }
    return linesOf(received);
  }
}

/** Each command with the replies that followed on it. */
function eventsOf(frames: RecordedSession['frames']): Recorded[] {
  const events: { ms: number; command: Command; replies: WireReply[] }[] = [];
  for (const { ms, from, message } of frames) {
    if (from === 'mta') events.push({ ms, command: message, replies: [] });
    else events.at(-1)?.replies.push(message);
  }
  return events;
}

/** Signs of life say nothing, and silence goes on. */
function linesOf(replies: readonly WireReply[]): string[] {
  const lines = replies.filter(({ type }) => type !== 'progress').map(describeMessage);
  return lines.length === 0 ? ['continue'] : lines;
}
