import { type Profile, USUAL } from './profile.js';

/**
 * Stalwart. It opens a connection for each message, says everything one by one, and names itself in `{daemon_name}`.
 *
 * Its headers are put above all others one by one, or before one of the same name; so several come in their order only
 * where the lowest is put first.
 */
export const STALWART: Profile = {
  ...USUAL,
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
};
