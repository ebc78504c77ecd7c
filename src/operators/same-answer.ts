import type { Decision } from '../session/decisions.js';
import type { Modification } from '../session/modifications.js';
import type { Stage } from '../session/stage.js';
import { originalBody } from './stand-in.js';

/** Whether a message passes by that decision, so that what is to be changed about it counts. */
export function passes(decision: Decision | undefined): boolean {
  return decision === undefined || decision.kind === 'proceed' || decision.kind === 'accept';
}

/**
 * Whether two decisions mean the same for the mail: that nobody decides is that it goes on, and so is that a filter has
 * seen enough of the body. At the end of a message there is nothing more to go on to.
 */
export function sameDecision(one: Decision | undefined, other: Decision | undefined, stage: Stage): boolean {
  const kind = effectOf(one, stage);
  if (kind !== effectOf(other, stage)) return false;
  const [reply, second] = [one, other].map((each) =>
    each !== undefined && 'reply' in each ? each.reply : undefined,
  );
  return sameValue(reply, second);
}

/** Whether the same is changed, in the same order. */
export function sameModifications(one: readonly Modification[], other: readonly Modification[]): boolean {
  return one.length === other.length && one.every((each, index) => sameValue(each, other[index]));
}

function effectOf(decision: Decision | undefined, stage: Stage): Decision['kind'] {
  if (decision === undefined || decision.kind === 'skip') return 'proceed';
  return decision.kind === 'accept' && stage === 'eom' ? 'proceed' : decision.kind;
}

/** Text and bytes are the same where the bytes are; what can be read only once is the same only as itself. */
function sameValue(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  const [left, right] = [bytesOf(one), bytesOf(other)];
  if (left !== undefined && right !== undefined) return left.equals(right);
  if (Array.isArray(one) && Array.isArray(other)) {
    return one.length === other.length && one.every((each, index) => sameValue(each, other[index]));
  }
  if (isPlain(one) && isPlain(other)) {
    const keys = new Set([...Object.keys(one), ...Object.keys(other)]);
    return [...keys].every((key) => sameValue(one[key], other[key]));
  }
  return originalBody(one) === originalBody(other);
}

function bytesOf(value: unknown): Buffer | undefined {
  if (typeof value === 'string') return Buffer.from(value);
  return value instanceof Uint8Array
    ? Buffer.from(value.buffer, value.byteOffset, value.byteLength)
    : undefined;
}

function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}
