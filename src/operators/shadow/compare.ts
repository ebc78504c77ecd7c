import type { Decision } from '../../session/decisions.js';
import type { MilterEvent } from '../../session/flow.js';
import type { Modification, Text } from '../../session/modifications.js';
import type { SessionInfo } from '../../session/session-info.js';
import type { Stage } from '../../session/stage.js';
import { isReadLater } from '../core/tend-body.js';

/** Where a filter in the shadow would have answered otherwise than the MTA was told, or failed. */
export interface Difference {
  /** What was known of the connection at the event; it stays as it is. */
  readonly session: SessionInfo;
  /** The event, with the same `session`. */
  readonly event: MilterEvent;
  /** What the MTA would have been told. */
  readonly would: {
    /** `undefined` where the event would have travelled on undecided. */
    readonly decision: Decision | undefined;
    /** All that was to be changed, what earlier filters wanted included; empty where the message would not have passed. */
    readonly modifications: readonly Modification[];
    /** Why the filter failed, or was given up. */
    readonly error: Error | undefined;
  };
  /** What it was told. */
  readonly did: {
    /** `undefined` where it did not wait for an answer, or where there is no MTA, as in a drawing. */
    readonly decision: Decision | undefined;
    readonly modifications: readonly Modification[];
  };
}

/**
 * The modifications of earlier filters as a filter in the shadow sees them: a body that can be read only once is the
 * mail's, and has a stand-in here that can be told from others, and not be read.
 */
export function withStandIns(modifications: readonly Modification[]): readonly Modification[] {
  if (!modifications.some(isOnlyOnce)) return modifications;
  return modifications.map((one) =>
    isOnlyOnce(one) ? { kind: 'replaceBody', body: new StandIn(one.body) } : one,
  );
}

/** What a stand-in stands for; anything else for itself. */
export function originalBody(body: unknown): unknown {
  return body instanceof StandIn ? body.original : body;
}

function isOnlyOnce(one: Modification): one is Modification & { readonly body: object } {
  return one.kind === 'replaceBody' && isReadLater(one) && !Array.isArray(one.body);
}

class StandIn implements AsyncIterable<Text> {
  readonly original: object;

  constructor(original: object) {
    this.original = original;
  }

  [Symbol.asyncIterator](): AsyncIterator<Text> {
    return {
      next: () =>
        Promise.reject(
          new Error(
            'shadow(): an earlier filter replaces the body by one that can be read only once, and that is the one who sends it. ' +
              'Put the shadow before that filter, or have it give all of the body at once.',
          ),
        ),
    };
  }
}

/** Whether a message passes by that decision, so that what is to be changed about it counts. */
export function passes(decision: Decision | undefined): boolean {
  return decision === undefined || decision.kind === 'proceed' || decision.kind === 'accept';
}

/**
 * Whether two decisions mean the same for the mail: an event without a decision goes on, and so does one where a filter has
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
