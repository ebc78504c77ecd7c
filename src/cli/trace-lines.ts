import type { Exchange } from '../mta/client/exchange.js';
import { describeMessage } from '../transport/wire/describe-message.js';

/** Every frame, in the order in which it went over the wire. */
export function traceLines(transcript: readonly Exchange[]): string[] {
  return transcript.flatMap(({ sent, received }) => [
    ...sent.map((command) => `mta    → ${describeMessage(command)}`),
    ...received.map((reply) => `milter ← ${describeMessage(reply)}`),
  ]);
}
