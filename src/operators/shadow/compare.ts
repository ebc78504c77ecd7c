import type { Decision } from '../../session/decisions.js';
import type { MilterEvent } from '../../session/flow.js';
import type { Modification, Text } from '../../session/modifications.js';
import type { SessionInfo } from '../../session/session-info.js';
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

/** The modifications with what the stand-ins stand for. */
export function withoutStandIns(modifications: readonly Modification[]): readonly unknown[] {
  return modifications.map((one) =>
    one.kind === 'replaceBody' && one.body instanceof StandIn ? { ...one, body: one.body.original } : one,
  );
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
