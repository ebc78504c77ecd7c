/** How much data a frame may have: the protocol's size, and two that builds of Sendmail and libmilter can agree on. */
export type MaxDataSize = 65535 | 262143 | 1048575;

/** The size that every MTA takes. */
export const USUAL: MaxDataSize = 65535;
/** The largest size that anybody offers. */
export const LARGEST: MaxDataSize = 1048575;

export const DATA_SIZES: readonly MaxDataSize[] = [USUAL, 262143, LARGEST];

/** The bits of the protocol flags with which each is offered and agreed to (`SMFIP_MDS_*`, not in libmilter's API). */
const BITS: readonly (readonly [bit: number, size: MaxDataSize])[] = [
  [0x20000000, LARGEST],
  [0x10000000, 262143],
];

/** What is agreed to of an offer: the largest size in it that is wanted, and its bit; 0 where it is the usual one. */
export function agreeOnSize(protocol: number, wanted: MaxDataSize): { bit: number; size: MaxDataSize } {
  const found = BITS.find(([bit, size]) => (protocol & bit) !== 0 && size <= wanted);
  return found === undefined ? { bit: 0, size: USUAL } : { bit: found[0], size: found[1] };
}
