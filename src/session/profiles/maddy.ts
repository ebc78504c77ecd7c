import { SMFIF } from '../../transport/wire/flags.js';
import { type KnownProfile, type MacroTable, PER_MESSAGE, USUAL } from './profile.js';

const MACROS: MacroTable = {
  connect: ['daemon_name', 'if_name', 'if_addr'],
  helo: ['tls_version', 'cipher', 'cert_subject', 'cert_issuer'],
  mail: ['i', 'auth_authen'],
};

/** maddy. Its macros have no braces; it grants headers on top and quarantine, and refuses in words of its own. */
export const MADDY: KnownProfile = {
  ...USUAL,
  ...PER_MESSAGE,
  name: 'maddy',
  version: /^maddy\b/,
  recognises: (signs) => signs.getAsSent('daemon_name') === 'maddy',
  adds: 'at the top',
  // It takes the place before the first for the one above all, and writes a complaint to its log about others.
  top: 1,
  makes: new Set(),
  countsConfigured: false,
  keepsName: false,
  noArguments: [],
  codesRejections: false,
  differences: {
    text: 'its client gets words of its own, and not the text of the filter',
    discard: 'it knows no discarding, and defers the message',
    place: 'it puts a new header above all others',
  },
  offer: { version: 6, actions: SMFIF.ADDHDRS | SMFIF.QUARANTINE, protocol: 0 },
  oldActions: SMFIF.ADDHDRS | SMFIF.QUARANTINE,
  // It refuses senders at the first recipient (`defer_sender_reject`).
  asksFrom: 'rcpt',
  neverSends: ['data', 'unknown'],
  showsArguments: ['SMTPUTF8'],
  emptyMacros: false,
  macrosFor: (stage) => MACROS[stage],
  unknownReplies: ['skip', 'shutdown', 'connFail', 'addRecipientPar'],
  progressAnywhere: true,
  discards: 'never',
  replies: 'code',
  // Also after a message that is over, but not after a decision before its end.
  aborts: (message) => message?.decisions.every(({ stage }) => stage === 'eom') === true,
  quitsAlways: true,
  idAtMail: true,
  waits: { connect: 10_000, command: 10_000, content: 10_000, eom: Infinity },
};
