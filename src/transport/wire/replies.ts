import { type Codec, type Message, codec } from './codec.js';
import { SMFIF } from './flags.js';
import { bytes, indexedPair, none, optneg, pair, string, strings } from './layouts.js';

/**
 * Everything that a filter may say, one row a reply (libmilter's `SMFIR_*`).
 *
 * `kind` is `final` for the one reply that ends a turn, `modification` for what may come before it at the end of the
 * message, `other` for what is neither; `right` is the action flag that the reply needs.
 */
export const REPLIES = {
  optneg: { letter: 'O', layout: optneg, kind: 'other', right: 0 },
  continue: { letter: 'c', layout: none, kind: 'final', right: 0 },
  accept: { letter: 'a', layout: none, kind: 'final', right: 0 },
  reject: { letter: 'r', layout: none, kind: 'final', right: 0 },
  tempfail: { letter: 't', layout: none, kind: 'final', right: 0 },
  discard: { letter: 'd', layout: none, kind: 'final', right: 0 },
  replycode: { letter: 'y', layout: string, kind: 'final', right: 0 },
  skip: { letter: 's', layout: none, kind: 'final', right: 0 },
  shutdown: { letter: '4', layout: none, kind: 'final', right: 0 },
  connFail: { letter: 'f', layout: none, kind: 'final', right: 0 },
  progress: { letter: 'p', layout: none, kind: 'other', right: 0 },
  quarantine: { letter: 'q', layout: string, kind: 'modification', right: SMFIF.QUARANTINE },
  addHeader: { letter: 'h', layout: pair, kind: 'modification', right: SMFIF.ADDHDRS },
  insertHeader: { letter: 'i', layout: indexedPair, kind: 'modification', right: SMFIF.ADDHDRS },
  changeHeader: { letter: 'm', layout: indexedPair, kind: 'modification', right: SMFIF.CHGHDRS },
  replaceBody: { letter: 'b', layout: bytes, kind: 'modification', right: SMFIF.CHGBODY },
  addRecipient: { letter: '+', layout: string, kind: 'modification', right: SMFIF.ADDRCPT },
  addRecipientPar: { letter: '2', layout: strings, kind: 'modification', right: SMFIF.ADDRCPT_PAR },
  deleteRecipient: { letter: '-', layout: string, kind: 'modification', right: SMFIF.DELRCPT },
  changeSender: { letter: 'e', layout: strings, kind: 'modification', right: SMFIF.CHGFROM },
} as const;

/** The name of a reply. */
export type ReplyName = keyof typeof REPLIES;

/** A decoded reply of a filter. */
export type WireReply = Message<typeof REPLIES>;

/** Encoder and decoder of what a filter says. */
export const replyCodec: Codec<typeof REPLIES> = codec(REPLIES);
