import { frame } from './frames.js';
import { instruct } from './instructions.js';

/** The events that a reply may be expected to. */
export type Asked =
  'connect' | 'helo' | 'mail' | 'rcpt' | 'data' | 'header' | 'eoh' | 'body' | 'eom' | 'unknown';

/** One thing that an MTA says. */
export interface Step {
  readonly kind: Asked | 'macro' | 'abort' | 'quit' | 'raw' | 'probe';
  readonly bytes: Buffer;
}

const step = (kind: Step['kind'], letter: string, ...data: readonly (string | Uint8Array)[]): Step => ({
  kind,
  bytes: frame(letter, ...data),
});

/** A frame after which nobody waits: the replies to it, where there are any, come before that to the next probe. */
export function unawaited({ bytes }: Pick<Step, 'bytes'>): Step {
  return { kind: 'raw', bytes };
}

/** Macros of CONNECT. */
export const POSTFIX = 'v\0Postfix 3.7.11\0';

const PORT = Buffer.of(0xd4, 0x31);

/** The text in the reply to a probe. */
export const PROBE = 'probe';

/** What an MTA says, one function a command; strings are Latin-1. */
export const say = {
  /** With the macro by which an MTA is known, as Postfix sends it; rxmilter words some changes for the MTA at hand. */
  connect: (host = 'mail.example.com', family = '4', address = '192.0.2.25', mta = POSTFIX): Step => {
    const command = frame('C', `${host}\0${family}`, ...(family === 'U' ? [] : [PORT, `${address}\0`]));
    return { kind: 'connect', bytes: Buffer.concat([frame('D', `C${mta}`), command]) };
  },
  helo: (name = 'client.example.com'): Step => step('helo', 'H', `${name}\0`),
  mail: (address = '<sender@example.com>', ...args: readonly string[]): Step =>
    step('mail', 'M', [address, ...args].map((text) => `${text}\0`).join('')),
  rcpt: (address = '<rcpt@example.org>', ...args: readonly string[]): Step =>
    step('rcpt', 'R', [address, ...args].map((text) => `${text}\0`).join('')),
  data: (): Step => step('data', 'T'),
  header: (name: string, value: string): Step => step('header', 'L', `${name}\0${value}\0`),
  eoh: (): Step => step('eoh', 'N'),
  body: (chunk: string | Uint8Array = 'Hello\r\n'): Step => step('body', 'B', chunk),
  eom: (data: string | Uint8Array = ''): Step => step('eom', 'E', data),
  unknown: (command: string): Step => step('unknown', 'U', `${command}\0`),
  abort: (): Step => step('abort', 'A'),
  quit: (): Step => step('quit', 'Q'),
  /** A MAIL, which is answered in any state, with a reply that can be told from all others. */
  probe: (): Step => step('probe', 'M', `<${instruct(['mail', 'reject', '550', '', PROBE])}@example.com>\0`),
  macros: (letter: string, ...pairs: readonly string[]): Step =>
    step('macro', 'D', letter, pairs.map((text) => `${text}\0`).join('')),
};
