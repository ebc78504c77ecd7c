import type { Modification, Text } from '../session/modifications.js';
import { isReadLater } from './core/tend-body.js';

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
