import { codec, type Codec, type Message } from './codec.js';
import { REPLIES } from './replies.js';

/** A decoded reply of a filter. */
export type WireReply = Message<typeof REPLIES>;

/** Encoder and decoder of what a filter says. */
export const replyCodec: Codec<typeof REPLIES> = codec(REPLIES);
