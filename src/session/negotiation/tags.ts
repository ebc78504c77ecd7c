import { ALL_STAGES, BIT } from '../stage.js';

/** What a filter needs of the negotiation: sets of stages (bits of `BIT`) and of rights (bits of `SMFIF`). */
export interface Tags {
  /** Stages that it may decide: the MTA has to wait for an answer. */
  readonly decides: number;
  /** Stages that it looks at, without an answer of its own. */
  readonly observes: number;
  /** Rights that it cannot do without. */
  readonly requires: number;
  /** How many filters read the body: all have to have enough before the MTA may leave out the rest. */
  readonly readers: number;
}

/** The tags of a filter that does all at once. */
export function tagsFor(decides: number, observes: number, requires = 0): Tags {
  const readers = ((decides | observes) & BIT.body) === 0 ? 0 : 1;
  return { decides, observes: observes & ALL_STAGES, requires, readers };
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
      requires: left.requires | right.requires,
      readers: left.readers + right.readers,
    }),
    NO_TAGS,
  );
}
