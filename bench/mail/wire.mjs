/**
 * The few bytes of the milter protocol that the benchmark speaks itself. It does not use the library's own
 * encoders, so that a mistake there cannot hide behind the same mistake here.
 */

export const ACTIONS = 0x1ff;
export const PROTOCOL = 0x1fffff;
export const LEADING_SPACE = 0x100000;

/** The events of a session: wire letter, the flag that switches the event off, the flag that takes its reply away. */
export const EVENTS = {
  connect: { letter: 'C', off: 0x001, silent: 0x01000 },
  helo: { letter: 'H', off: 0x002, silent: 0x02000 },
  mail: { letter: 'M', off: 0x004, silent: 0x04000 },
  rcpt: { letter: 'R', off: 0x008, silent: 0x08000 },
  data: { letter: 'T', off: 0x200, silent: 0x10000 },
  header: { letter: 'L', off: 0x020, silent: 0x00080 },
  eoh: { letter: 'N', off: 0x040, silent: 0x40000 },
  body: { letter: 'B', off: 0x010, silent: 0x80000 },
  eom: { letter: 'E', off: 0, silent: 0 },
};

/**
 * @param {string} letter
 * @param {...(string | Uint8Array)} data strings are latin1, the caller writes the NULs
 */
export function frame(letter, ...data) {
  const payload = Buffer.concat(
    data.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : part)),
  );
  const head = Buffer.alloc(5);
  head.writeUInt32BE(payload.length + 1);
  head.write(letter, 4, 'latin1');
  return Buffer.concat([head, payload]);
}

/** @param {number} version @param {number} actions @param {number} protocol */
export function optneg(version, actions, protocol) {
  const data = Buffer.alloc(12);
  data.writeUInt32BE(version, 0);
  data.writeUInt32BE(actions, 4);
  data.writeUInt32BE(protocol, 8);
  return frame('O', data);
}

/**
 * @param {string} letter the event that the macros belong to
 * @param {Record<string, string>} values
 */
export function macros(letter, values) {
  return frame('D', letter, ...Object.entries(values).map(([name, value]) => `${name}\0${value}\0`));
}
