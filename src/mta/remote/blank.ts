const BLANK = Buffer.from(' ');

/** A header value, for one who does not see the blank after the colon: the MTA takes one away, where there is one. */
export function withoutBlank(raw: Uint8Array): Uint8Array {
  return raw[0] === 0x20 ? raw.subarray(1) : raw;
}

/** A header value by one who does not write the blank after the colon: the MTA does. An empty one, which deletes, stays. */
export function withBlank(raw: Uint8Array): Uint8Array {
  return raw.length === 0 ? raw : Buffer.concat([BLANK, raw]);
}
