import type { TranscriptEntry } from '../mta/client/mta-connection.js';
import { describeMessage } from '../transport/wire/describe-message.js';

/** Every frame, in the order in which it went over the wire. */
export function traceLines(transcript: readonly TranscriptEntry[]): string[] {
  return transcript.flatMap(({ sent, received }) => [
    ...sent.map((command) => `mta    → ${describeMessage(command)}`),
    ...received.map((reply) => `milter ← ${describeMessage(reply)}`),
  ]);
}
