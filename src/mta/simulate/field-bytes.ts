/** A line end in a value that no white space follows would begin another field: Postfix puts a tab there. */
export function folded(value: Uint8Array): Buffer {
  const text = Buffer.from(value).toString('latin1').replace(/\r?\n/g, '\n');
  return Buffer.from(text.replace(/\n(?![ \t])/g, '\n\t'), 'latin1');
}

/** What a milter writes as a value, as it stands after the colon. */
export function afterColon(value: Uint8Array, leadspc: boolean): Buffer {
  return leadspc ? folded(value) : Buffer.concat([Buffer.from(' '), folded(value)]);
}

/** A value without the blank after the colon, if there is one. */
export function withoutBlank(raw: Buffer): Buffer {
  return raw[0] === 0x20 ? raw.subarray(1) : raw;
}

/** A name without blanks before the colon. */
export function nameOf(name: string): string {
  let end = name.length;
  while (end > 0 && (name[end - 1] === ' ' || name[end - 1] === '\t')) end--;
  return name.slice(0, end);
}

/** Fields as bytes, each line ended by CRLF. */
export function fieldLines(fields: readonly { readonly name: string; readonly raw: Buffer }[]): Buffer {
  const lines = fields.map(
    ({ name, raw }) => `${Buffer.from(name).toString('latin1')}:${raw.toString('latin1')}\n`,
  );
  return Buffer.from(lines.join('').replaceAll('\n', '\r\n'), 'latin1');
}
