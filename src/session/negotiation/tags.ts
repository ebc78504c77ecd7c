import type { Site } from '../answer-watch.js';
import { ALL_STAGES, BIT } from '../stage.js';

/** Rights that a filter is known to want before there is a message. */
export interface Wish {
  /** A set of rights: bits of `SMFIF`. */
  readonly rights: number;
  /** What wants them, in the words of an error. */
  readonly by: string;
  /** The call that has made the filter; none for an option. */
  readonly site: Site | undefined;
  /** Whether it cannot do without them. */
  readonly required: boolean;
}

/** What a filter needs of the negotiation: sets of stages (bits of `BIT`), and rights. */
export interface Tags {
  /** Stages that it may decide: the MTA has to wait for an answer. */
  readonly decides: number;
  /** Stages that it looks at, without an answer of its own. */
  readonly observes: number;
  readonly wishes: readonly Wish[];
  /** How many filters read the body: all have to have enough before the MTA may leave out the rest. */
  readonly readers: number;
}

/** The tags of a filter that does all at once. */
export function tagsFor(decides: number, observes: number, wishes: readonly Wish[] = []): Tags {
  const readers = ((decides | observes) & BIT.body) === 0 ? 0 : 1;
  return { decides, observes: observes & ALL_STAGES, wishes, readers };
}

/** What the identity filter needs. */
export const NO_TAGS: Tags = Object.freeze(tagsFor(0, 0));

/** What has to be assumed of an operator that says nothing of itself. */
export const EVERYTHING: Tags = Object.freeze({ ...tagsFor(ALL_STAGES, 0), readers: Infinity });

/** What several filters in a row need together. */
export function uniteTags(all: readonly Tags[]): Tags {
  return all.reduce(
    (left, right) => ({
      decides: left.decides | right.decides,
      observes: left.observes | right.observes,
      wishes: [...left.wishes, ...right.wishes],
      readers: left.readers + right.readers,
    }),
    NO_TAGS,
  );
}
