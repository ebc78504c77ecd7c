import { inspect } from 'node:util';

import { quote } from '../common/printable.js';
import type { Decision } from '../session/decisions.js';
import type { Flow, MilterEvent } from '../session/flow.js';
import type { Modification, Text } from '../session/modifications.js';
import { BIT } from '../session/stage.js';

const LONGEST = 120;

/** A value in a line: an event or reply by its main fields, anything else as Node prints it. */
export function describeValue(value: unknown): string {
  if (!isFlow(value)) return inspect(value, { depth: 3, breakLength: Infinity });
  if (value.stage !== 'reply') return describeEvent(value);
  // The modifications of an eom event are those of its reply as well.
  const event = describeEvent({ ...value.to, modifications: [] } as MilterEvent);
  const answers = [describeDecision(value.decision), ...value.modifications.map(describeModification)];
  return `reply to ${event}: ${answers.join(' + ')}`;
}

/** A decision in words, such as `reject 550 5.7.1 No such user`. */
export function describeDecision(decision: Decision): string {
  // Own operators of a user may give decisions that the types do not have.
  const reply = 'reply' in decision ? decision.reply : undefined;
  if (reply === undefined) return decision.kind;
  const { code, enhanced = '', lines } = reply;
  return [decision.kind, code, enhanced, lines.join(' / ')].filter((part) => part !== '').join(' ');
}

/** An event in words, such as `rcpt bob@example.org`. */
export function describeEvent(event: MilterEvent): string {
  const { stage } = event;
  switch (stage) {
    case 'connect':
      return `${stage} ${event.host} [${event.address}]`;
    case 'helo':
      return `${stage} ${event.name}`;
    case 'mail':
    case 'rcpt':
      return [stage, `<${event.address}>`, ...event.args].join(' ');
    case 'header':
      return `${stage} ${event.name}: ${textOf(event.value)}`;
    case 'body':
      return `${stage} ${textOf(event.chunk)}`;
    case 'unknown':
      return `${stage} ${event.command}`;
    case 'eom':
      return [stage, ...event.modifications.map(describeModification)].join(' + ');
    default:
      return stage;
  }
}

/** A modification in words, such as `addHeader X-Seen "yes"`. */
export function describeModification(modification: Modification): string {
  const { kind, ...fields } = modification;
  const words = Object.entries(fields).flatMap(([name, value]: [string, unknown]) => {
    if (Array.isArray(value) && name === 'args') return value.map(String);
    if (typeof value === 'number' || name === 'name') return [String(value)];
    return [typeof value === 'string' || value instanceof Uint8Array ? textOf(value) : 'a stream'];
  });
  return [kind, ...words].join(' ');
}

function textOf(text: Text): string {
  return quote(typeof text === 'string' ? text : Buffer.from(text).toString('latin1'), LONGEST);
}

function isFlow(value: unknown): value is Flow {
  return (
    typeof value === 'object' &&
    value !== null &&
    'stage' in value &&
    typeof value.stage === 'string' &&
    Object.hasOwn(BIT, value.stage) &&
    (value.stage !== 'reply' || ('to' in value && 'decision' in value && 'modifications' in value))
  );
}
