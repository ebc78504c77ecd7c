import { codec, type Codec, type Message } from './codec.js';
import { COMMANDS } from './commands.js';

/** A decoded command of the MTA. */
export type Command = Message<typeof COMMANDS>;

/** Encoder and decoder of what an MTA says. */
export const commandCodec: Codec<typeof COMMANDS> = codec(COMMANDS);
