import { type Codec, type Message, codec } from './codec.js';
import { SMFIP } from './flags.js';
import { bytes, connect, macro, none, optneg, pair, string, strings } from './layouts.js';

/**
 * Everything that an MTA may say, one row a command (libmilter's `SMFIC_*`).
 *
 * `version` is the lowest protocol version that has it; `no` the flag under which the MTA does not send it; `nr` the
 * flag under which it waits for no reply; `replies` whether it wants one otherwise. The protocol's names are kept but
 * for `eom`, which the wire calls BODYEOB.
 */
export const COMMANDS = {
  optneg: { letter: 'O', layout: optneg, version: 2, replies: true, no: 0, nr: 0 },
  connect: {
    letter: 'C',
    layout: connect,
    version: 2,
    replies: true,
    no: SMFIP.NOCONNECT,
    nr: SMFIP.NR_CONN,
  },
  helo: { letter: 'H', layout: string, version: 2, replies: true, no: SMFIP.NOHELO, nr: SMFIP.NR_HELO },
  mail: { letter: 'M', layout: strings, version: 2, replies: true, no: SMFIP.NOMAIL, nr: SMFIP.NR_MAIL },
  rcpt: { letter: 'R', layout: strings, version: 2, replies: true, no: SMFIP.NORCPT, nr: SMFIP.NR_RCPT },
  data: { letter: 'T', layout: none, version: 4, replies: true, no: SMFIP.NODATA, nr: SMFIP.NR_DATA },
  header: { letter: 'L', layout: pair, version: 2, replies: true, no: SMFIP.NOHDRS, nr: SMFIP.NR_HDR },
  eoh: { letter: 'N', layout: none, version: 2, replies: true, no: SMFIP.NOEOH, nr: SMFIP.NR_EOH },
  body: { letter: 'B', layout: bytes, version: 2, replies: true, no: SMFIP.NOBODY, nr: SMFIP.NR_BODY },
  eom: { letter: 'E', layout: bytes, version: 2, replies: true, no: 0, nr: 0 },
  unknown: { letter: 'U', layout: string, version: 3, replies: true, no: SMFIP.NOUNKNOWN, nr: SMFIP.NR_UNKN },
  abort: { letter: 'A', layout: none, version: 2, replies: false, no: 0, nr: 0 },
  macro: { letter: 'D', layout: macro, version: 2, replies: false, no: 0, nr: 0 },
  quit: { letter: 'Q', layout: none, version: 2, replies: false, no: 0, nr: 0 },
  quitNc: { letter: 'K', layout: none, version: 6, replies: false, no: 0, nr: 0 },
} as const;

/** The name of a command. */
export type CommandName = keyof typeof COMMANDS;

/** A decoded command of the MTA. */
export type Command = Message<typeof COMMANDS>;

/** Encoder and decoder of what an MTA says. */
export const commandCodec: Codec<typeof COMMANDS> = codec(COMMANDS);
