import { type Codec, type Message, codec } from './codec.js';
import { SMFIP } from './flags.js';
import {
  type Layout,
  bytes,
  connect,
  endedStringRead,
  macro,
  noneRead,
  optneg,
  pairRead,
  stringRead,
  stringsRead,
} from './layouts.js';

interface CommandRow<F> {
  readonly letter: string;
  readonly layout: Layout<F>;
  /** The lowest protocol version that has it. */
  readonly version: number;
  /** The flag under which the MTA does not send it, and the one under which it waits for no reply. */
  readonly no: number;
  readonly nr: number;
  /** Whether the MTA wants a reply otherwise. */
  readonly replies: boolean;
}

function row<F>(letter: string, layout: Layout<F>, version: number, no = 0, nr = 0): CommandRow<F> {
  return { letter, layout, version, no, nr, replies: true };
}

function silent<F>(letter: string, layout: Layout<F>, version: number): CommandRow<F> {
  return { ...row(letter, layout, version), replies: false };
}

/** Everything that an MTA may say (libmilter's `SMFIC_*`), one row a command; `eom` is the wire's BODYEOB. */
export const COMMANDS = {
  optneg: row('O', optneg, 2),
  connect: row('C', connect, 2, SMFIP.NOCONNECT, SMFIP.NR_CONN),
  helo: row('H', endedStringRead, 2, SMFIP.NOHELO, SMFIP.NR_HELO),
  mail: row('M', stringsRead, 2, SMFIP.NOMAIL, SMFIP.NR_MAIL),
  rcpt: row('R', stringsRead, 2, SMFIP.NORCPT, SMFIP.NR_RCPT),
  data: row('T', noneRead, 4, SMFIP.NODATA, SMFIP.NR_DATA),
  header: row('L', pairRead, 2, SMFIP.NOHDRS, SMFIP.NR_HDR),
  eoh: row('N', noneRead, 2, SMFIP.NOEOH, SMFIP.NR_EOH),
  body: row('B', bytes, 2, SMFIP.NOBODY, SMFIP.NR_BODY),
  eom: row('E', bytes, 2),
  unknown: row('U', stringRead, 3, SMFIP.NOUNKNOWN, SMFIP.NR_UNKN),
  abort: silent('A', noneRead, 2),
  macro: silent('D', macro, 2),
  quit: silent('Q', noneRead, 2),
  quitNc: silent('K', noneRead, 6),
};

/** The name of a command. */
export type CommandName = keyof typeof COMMANDS;

/** A decoded command of the MTA. */
export type Command = Message<typeof COMMANDS>;

/** Encoder and decoder of what an MTA says. */
export const commandCodec: Codec<typeof COMMANDS> = codec(COMMANDS);
