import fc from 'fast-check';
import { accept, allow, reject, tempfail, type SessionOptions } from 'rxmilter';

import { anyFilter, type FilterPlan } from './any-filter.js';

/** The deadlines of all conversations; those of the plans lie around them. */
export const TIMEOUTS = { reply: 1000, eom: 3000, progress: 700 };

interface Masks {
  readonly actions: number;
  readonly protocol: number;
}

/** What the two ends bring along, and what they then say. */
export interface Case<C> {
  readonly offer: { readonly version: number; readonly actions: number; readonly protocol: number };
  readonly options: SessionOptions;
  /** What a hook leaves of the offer, where there is a hook. */
  readonly masks: Masks | undefined;
  readonly filter: FilterPlan;
  /** Whether the MTA is slow to read. */
  readonly slow: boolean;
  readonly conversation: C;
}

const word = fc.nat(0xffffffff);
const offer = fc.record({
  version: fc.constantFrom(6, 6, 2, 3, 4, 5, 7),
  actions: fc.oneof(fc.constantFrom(0x1ff, 0x3f, 0), fc.nat(0x1ff), word),
  protocol: fc.oneof(fc.constantFrom(0x1fffff, 0x7f, 0x37f, 0), fc.nat(0x1fffff), word),
});
const FAILURES = { tempfail: tempfail(), reject: reject('100 %'), accept: accept(), allow: allow() };
const maybe = <T>(values: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(values, { nil: undefined, freq: 2 });

/** Masks for what the hook leaves of the offer; the answer is then any part of it, whatever the filter is. */
const masks = maybe(fc.record({ actions: fc.nat(0x1ff), protocol: fc.oneof(word, fc.nat(0xff080)) }));

const options: fc.Arbitrary<SessionOptions> = fc
  .record({
    failure: maybe(fc.constantFrom(...(Object.keys(FAILURES) as (keyof typeof FAILURES)[]))),
    noReply: maybe(fc.boolean()),
    version: maybe(fc.constantFrom(2 as const, 3 as const, 4 as const, 5 as const)),
    macros: maybe(fc.constantFrom({ mail: ['i'] }, { eom: ['i', '{auth_authen}'], connect: [] })),
    leadingSpace: maybe(fc.boolean()),
    rejectedRecipients: maybe(fc.boolean()),
    maxDataSize: maybe(fc.constantFrom(65535 as const, 262143 as const, 1048575 as const)),
  })
  .map(({ failure, noReply, version, macros, leadingSpace, rejectedRecipients, maxDataSize }) => ({
    timeouts: TIMEOUTS,
    ...(failure === undefined ? {} : { failure: FAILURES[failure] }),
    ...(noReply === undefined ? {} : { noReply }),
    ...(version === undefined ? {} : { version }),
    ...(macros === undefined ? {} : { macros }),
    leadingSpace,
    rejectedRecipients,
    maxDataSize,
  }));

/** The options with what the hook is to leave of the offer. */
export function withMasks(given: SessionOptions, left: Masks | undefined): SessionOptions {
  if (left === undefined) return given;
  return {
    ...given,
    negotiate: (offered, { version }) => ({
      version,
      actions: offered.actions & left.actions,
      protocol: (offered.protocol & left.protocol) >>> 0,
      macros: {},
    }),
  };
}

/** A case with conversations of that kind. */
export function anyCase<C>(conversations: fc.Arbitrary<C>): fc.Arbitrary<Case<C>> {
  return fc.record({
    offer,
    options,
    masks,
    filter: anyFilter,
    slow: fc.boolean(),
    conversation: conversations,
  });
}
