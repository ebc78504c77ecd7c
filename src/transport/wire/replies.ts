import { type Codec, type Message, codec } from './codec.js';
import { SMFIF } from './flags.js';
import { type Layout, bytes, indexedPair, none, optneg, pair, string, strings } from './layouts.js';

/** `final` ends a turn; a `modification` may come before it at the end of the message; `other` is neither. */
type Kind = 'final' | 'modification' | 'other';

interface ReplyRow<F, K extends Kind> {
  readonly letter: string;
  readonly layout: Layout<F>;
  readonly kind: K;
  /** The action flag that the reply needs. */
  readonly right: number;
}

function row<F, K extends Kind>(letter: string, layout: Layout<F>, kind: K, right = 0): ReplyRow<F, K> {
  return { letter, layout, kind, right };
}

/** Everything that a filter may say, one row a reply (libmilter's `SMFIR_*`). */
export const REPLIES = {
  optneg: row('O', optneg, 'other'),
  continue: row('c', none, 'final'),
  accept: row('a', none, 'final'),
  reject: row('r', none, 'final'),
  tempfail: row('t', none, 'final'),
  discard: row('d', none, 'final'),
  replycode: row('y', string, 'final'),
  skip: row('s', none, 'final'),
  shutdown: row('4', none, 'final'),
  connFail: row('f', none, 'final'),
  progress: row('p', none, 'other'),
  quarantine: row('q', string, 'modification', SMFIF.QUARANTINE),
  addHeader: row('h', pair, 'modification', SMFIF.ADDHDRS),
  insertHeader: row('i', indexedPair, 'modification', SMFIF.ADDHDRS),
  changeHeader: row('m', indexedPair, 'modification', SMFIF.CHGHDRS),
  replaceBody: row('b', bytes, 'modification', SMFIF.CHGBODY),
  addRecipient: row('+', string, 'modification', SMFIF.ADDRCPT),
  addRecipientPar: row('2', strings, 'modification', SMFIF.ADDRCPT_PAR),
  deleteRecipient: row('-', string, 'modification', SMFIF.DELRCPT),
  changeSender: row('e', strings, 'modification', SMFIF.CHGFROM),
};

/** The name of a reply. */
export type ReplyName = keyof typeof REPLIES;

/** A decoded reply of a filter. */
export type WireReply = Message<typeof REPLIES>;

/** Encoder and decoder of what a filter says. */
export const replyCodec: Codec<typeof REPLIES> = codec(REPLIES);
