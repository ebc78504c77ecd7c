import type { Decision } from './decisions.js';
import type { Stage } from './stage.js';

/** An answer to be compared: modifications as the library makes them, or as they are on the wire. */
export interface ComparedAnswer {
  /** `undefined` where the event goes on undecided. */
  readonly decision: { readonly kind: Decision['kind']; readonly reply?: unknown } | undefined;
  readonly modifications: readonly unknown[];
}

/**
 * Whether two answers mean the same for the mail: the same decision with the same words, and the same modifications in the
 * same order where the message passes.
 *
 * @remarks
 * An event without a decision goes on, and so does one where a filter has seen enough of the body. At the end of a message
 * `accept` has nothing more to go past.
 */
export function sameAnswer(stage: Stage, one: ComparedAnswer, other: ComparedAnswer): boolean {
  const kind = effectOf(one, stage);
  if (kind !== effectOf(other, stage) || !sameValue(one.decision?.reply, other.decision?.reply)) return false;
  return !passes(one.decision) || sameValue(one.modifications, other.modifications);
}

/** Whether a message passes by that decision, so that its modifications count. */
export function passes(decision: ComparedAnswer['decision']): boolean {
  return decision === undefined || decision.kind === 'allow' || decision.kind === 'accept';
}

function effectOf({ decision }: ComparedAnswer, stage: Stage): Decision['kind'] {
  if (decision === undefined || decision.kind === 'skip') return 'allow';
  return decision.kind === 'accept' && stage === 'eom' ? 'allow' : decision.kind;
}

/** Text and bytes are the same where the bytes are; what can be read only once is the same only as itself. */
function sameValue(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  const [left, right] = [bytesOf(one), bytesOf(other)];
  if (left !== undefined && right !== undefined) return left.equals(right);
  if (Array.isArray(one) && Array.isArray(other)) {
    return one.length === other.length && one.every((each, index) => sameValue(each, other[index]));
  }
  if (!isPlain(one) || !isPlain(other)) return false;
  const keys = new Set([...Object.keys(one), ...Object.keys(other)]);
  return [...keys].every((key) => sameValue(one[key], other[key]));
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
