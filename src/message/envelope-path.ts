/** The sender or a recipient of a message. */
export interface EnvelopePath {
  /** Without angle brackets; `''` is the null sender. */
  readonly address: string;
  /** What stands before the last `@`; all of it where there is none. */
  readonly local: string;
  /** What stands behind it, in small letters and in ASCII (an internationalised domain as `xn--…`); `''` without one. */
  readonly domain: string;
  /** The ESMTP arguments as they came: `['SIZE=1234', 'SMTPUTF8']`. */
  readonly args: readonly string[];
  /** The same by name in capitals. */
  readonly params: Readonly<Record<string, string>>;
  /** The bytes of the address as they came, angle brackets included where there were any. */
  readonly raw: Uint8Array;
}
