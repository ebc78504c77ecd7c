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
