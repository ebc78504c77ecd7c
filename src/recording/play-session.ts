import type { OperatorFunction } from 'rxjs';

import { agree } from '../mta/client/agreement.js';
import { type MtaEvent, type Verdict, readAnswer } from '../mta/client/answer.js';
import { filterEnd } from '../mta/client/filter-end.js';
import { MilterError } from '../mta/client/milter-error.js';
import { ReplyStream } from '../mta/client/reply-stream.js';
import { scopeOf } from '../session/decision-scope.js';
import type { Decision } from '../session/decisions.js';
import type { Flow } from '../session/flow.js';
import type { SessionOptions } from '../session/options.js';
import { COMMANDS, commandCodec } from '../transport/wire/commands.js';
import type { WireReply } from '../transport/wire/replies.js';
import type { RecordedFrame, RecordedSession } from './recording.js';

/** An event of a recorded session, with the replies to it then and now. */
export interface PlayedEvent {
  readonly event: MtaEvent;
  /** Milliseconds from the beginning of the recorded session. */
  readonly ms: number;
  readonly recorded: readonly WireReply[];
  readonly replayed: WireReply[];
  /** How the filter broke the protocol, where it did: this is then the last event. */
  failure?: string;
}

/** The time for a reply, in milliseconds. */
const TIMEOUT = 300_000;
const LARGEST_REPLY = 1_048_576;
/** The offer where a session was recorded from its middle on: that of every MTA. */
const OFFER = { type: 'optneg', version: 6, actions: 0x1ff, protocol: 0x1fffff, lists: [] } as const;
/** The events to which a refused DATA leaves no way but another DATA. */
const CONTENT: readonly string[] = ['header', 'eoh', 'body', 'eom'];

/**
 * Plays a recorded session to a filter as an MTA would, in lock-step and as fast as it answers.
 *
 * Events that an MTA would not send after a decision of this filter are left out.
 *
 * @throws MilterError where the filter does not agree to the recorded offer
 */
export async function* playSession(
  { frames }: RecordedSession,
  filter: OperatorFunction<Flow, Flow>,
  session: SessionOptions,
): AsyncGenerator<PlayedEvent> {
  const [offer = OFFER] = frames.flatMap(({ from, message }) =>
    from === 'mta' && message.type === 'optneg' ? [message] : [],
  );
  const stream = new ReplyStream(filterEnd(filter, { session }), LARGEST_REPLY);
  let agreement: ReturnType<typeof agree>;
  /** The last macros for each event, by its letter. */
  const macros = new Map<string, Buffer>();
  /** How far the last decision goes. */
  let scope: ReturnType<typeof scopeOf> = 'event';
  let dataRefused = false;

  const ask = async (event: MtaEvent, received: WireReply[]): Promise<Verdict | undefined> => {
    const { letter, no, nr, version } = COMMANDS[event.type];
    const skipped = event.type === 'body' && scope === 'body';
    const isSent = (agreement.protocol & no) === 0 && version <= agreement.version && !skipped;
    // Postfix sends the macros of an event that the filter does not want, too.
    const frames = [macros.get(letter) ?? [], isSent ? commandCodec.encode(event) : []].flat();
    macros.delete(letter);
    if (frames.length > 0) await stream.write(Buffer.concat(frames), TIMEOUT);
    if (!isSent || (agreement.protocol & nr) !== 0) return undefined;
    return (await readAnswer(event.type, { stream, agreement, options: {}, received })).verdict;
  };

  try {
    await stream.write(commandCodec.encode(offer), TIMEOUT);
    const answer = await stream.next(TIMEOUT);
    if (answer.type !== 'optneg')
      throw new MilterError('negotiation', 'optneg', `it answered the offer with ${answer.type}`);
    agreement = agree(offer, answer);
    for (const [at, { ms, from, message }] of frames.entries()) {
      if (from === 'filter') continue;
      const { type } = message;
      if (type === 'optneg' || type === 'quit' || type === 'quitNc') continue;
      if (type === 'macro') {
        macros.set(message.target, commandCodec.encode(message));
        continue;
      }
      if (scope === 'connection') return;
      if (type === 'mail' || type === 'helo' || type === 'abort') [scope, dataRefused] = ['event', false];
      if (scope === 'message' || (dataRefused && CONTENT.includes(type))) continue;
      if (type === 'abort') {
        await stream.write(commandCodec.encode(message), TIMEOUT);
        continue;
      }
      const played: PlayedEvent = { event: message, ms, recorded: repliesAfter(frames, at), replayed: [] };
      try {
        const verdict = await ask(message, played.replayed);
        if (verdict !== undefined) scope = scopeOf(type, decisionOf(verdict));
        if (type === 'data') dataRefused = verdict?.kind === 'refuse';
        if (type === 'eom') scope = 'event';
      } catch (error) {
        if (!(error instanceof MilterError)) throw error;
        played.failure = error.message;
      }
      yield played;
      if (played.failure !== undefined) return;
    }
  } finally {
    stream.destroy();
  }
}

/** The recorded replies between a command and the next. */
function repliesAfter(frames: readonly RecordedFrame[], at: number): WireReply[] {
  const replies: WireReply[] = [];
  for (let next = frames[at + 1]; next?.from === 'filter'; next = frames[++at + 1]) {
    replies.push(next.message);
  }
  return replies;
}

function decisionOf(verdict: Verdict): Decision | undefined {
  if (verdict.kind === 'continue') return undefined;
  return verdict.kind === 'refuse' ? { kind: 'reject', reply: verdict.reply } : { kind: verdict.kind };
}
