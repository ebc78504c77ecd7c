import { SMFIP } from '../../transport/wire/flags.js';
import { type KnownProfile, type MacroTable, PER_MESSAGE, USUAL } from './profile.js';

const MACROS: MacroTable = {
  connect: ['{daemon_name}', 'j', '{client_addr}', '{client_port}', '{client_ptr}'],
  helo: ['{cipher}', '{tls_version}'],
  mail: ['{mail_addr}', '{auth_authen}'],
  rcpt: ['{rcpt_addr}'],
};

/**
 * Stalwart, as it is where nothing else is configured. When it has a message it opens a connection, says everything one
 * by one, and names itself in `{daemon_name}`.
 *
 * Its headers are put above all others one by one, or before one of the same name; so several come in their order only
 * where the lowest is put first.
 */
export const STALWART: KnownProfile = {
  ...USUAL,
  ...PER_MESSAGE,
  name: 'stalwart',
  version: /^Stalwart\b/,
  recognises: (signs) => signs.getAsSent('{daemon_name}')?.startsWith('Stalwart') === true,
  adds: 'at the top',
  makes: new Set(),
  countsConfigured: false,
  countsName: true,
  keepsName: true,
  // Two strings are wanted; with a single one the frame is a broken one, and the message deferred.
  noArguments: [''],
  codesRejections: false,
  lineEnd: '\r\n',
  utf8Only: true,
  plainReplies: true,
  repeatsHeader: true,
  needsBody: true,
  smallRecipients: true,
  differences: {
    quarantine: 'it delivers the message, with the reason in a header X-Quarantine',
    recipient: 'it refuses the whole message where a filter refuses one recipient',
    place: 'it puts a new header above all others, or before one of the same name',
  },
  offer: { version: 6, actions: 0xff, protocol: SMFIP.NOHELO | SMFIP.NOEOH },
  oldActions: 0xff,
  asksFrom: 'message',
  neverSends: ['unknown'],
  leftOutBy: { eoh: SMFIP.NOHDRS, eom: SMFIP.NOBODY },
  showsArguments: [],
  macrosFor: (stage) => MACROS[stage],
  goesOn: true,
  discards: 'always',
  replies: 'plain',
  needsArguments: true,
  aborts: () => false,
  quitsAlways: false,
  idAtMail: false,
  // For the final reply, too, it waits anew at each sign of progress.
  waits: { connect: 30_000, command: 60_000, content: 60_000, eom: Infinity },
};
