/**
 * Action flags: what a filter may ask the MTA to do to a message (libmilter's `SMFIF_*`, `mfapi.h`).
 *
 * @remarks
 * Bits of the second word of the negotiation.
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

/** A right to change a message, as libmilter spells it, without `SMFIF_`. */
export type Right = keyof typeof SMFIF;

/**
 * Protocol flags (libmilter's `SMFIP_*`, `mfdef.h`): events not to send or wait for, and features.
 *
 * @remarks
 * Bits of the third word of the negotiation. In the filter's answer `NO…` means "do not send this event", and
 * `NR_…` "no reply comes to it".
 */
export const SMFIP = {
  NOCONNECT: 0x1,
  NOHELO: 0x2,
  NOMAIL: 0x4,
  NORCPT: 0x8,
  NOBODY: 0x10,
  NOHDRS: 0x20,
  NOEOH: 0x40,
  NR_HDR: 0x80,
  NOUNKNOWN: 0x100,
  NODATA: 0x200,
  /** The filter may answer a body chunk with "send no more of it". */
  SKIP: 0x400,
  /** Recipients that the MTA itself has refused are shown to the filter too. */
  RCPT_REJ: 0x800,
  NR_CONN: 0x1000,
  NR_HELO: 0x2000,
  NR_MAIL: 0x4000,
  NR_RCPT: 0x8000,
  NR_DATA: 0x10000,
  NR_UNKN: 0x20000,
  NR_EOH: 0x40000,
  NR_BODY: 0x80000,
  /** Header values keep what follows the colon, in both directions. */
  HDR_LEADSPC: 0x100000,
} as const;

/** The name of a protocol flag, as libmilter spells it (without `SMFIP_`). */
export type ProtocolFlag = keyof typeof SMFIP;

/** The actions that there are before version 6, whatever bits are offered (libmilter's `SMFI_V2_ACTS`). */
export const OLD_ACTIONS = 0x3f;

/** The protocol flags that each version before 6 knows; version 6 knows all of `SMFIP`. */
export const OLD_PROTOCOL: Readonly<Record<number, number>> = { 2: 0x7f, 3: 0x17f, 4: 0x37f, 5: 0x37f };

/** The stages whose macros a filter can ask for, by their numbers in a symbol list (libmilter's `SMFIM_*`, `mfapi.h`). */
export const SMFIM = {
  connect: 0,
  helo: 1,
  mail: 2,
  rcpt: 3,
  data: 4,
  eom: 5,
  eoh: 6,
} as const;
