import { readFileSync } from 'node:fs';

const LOOPBACK = '0100007F';
const LISTEN = '0A';

/**
 * True when somebody listens on that TCP port of 127.0.0.1.
 *
 * Looks at the kernel's table: a test connection would already reach the mail server's filter.
 */
export function isListening(port: number): boolean {
  const local = `${LOOPBACK}:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return readFileSync('/proc/net/tcp', 'latin1')
    .split('\n')
    .some((line) => {
      const fields = line.trim().split(/\s+/);
      return fields[1] === local && fields[3] === LISTEN;
    });
}
