/**
 * Action flags: what a filter may ask the MTA to do to a message (libmilter's `SMFIF_*`, `mfapi.h`).
 *
 * They are bits of the second word of the negotiation. Combine them with `|`.
 */
export const SMFIF = {
  /** Add and insert headers. */
  ADDHDRS: 0x001,
  /** Replace the body. */
  CHGBODY: 0x002,
  /** Add recipients. */
  ADDRCPT: 0x004,
  /** Delete recipients. */
  DELRCPT: 0x008,
  /** Change and delete headers. */
  CHGHDRS: 0x010,
  /** Hold the message in quarantine. */
  QUARANTINE: 0x020,
  /** Change the envelope sender. */
  CHGFROM: 0x040,
  /** Add recipients with ESMTP arguments. */
  ADDRCPT_PAR: 0x080,
  /** Say at negotiation which macros the MTA is to send. */
  SETSYMLIST: 0x100,
} as const;

/** The name of a right that a filter needs to change a message, as libmilter spells it (without `SMFIF_`). */
export type Right = keyof typeof SMFIF;
