import { type Profile, USUAL } from './profile.js';

/** maddy. Its macros have no braces; it grants headers on top and quarantine, and refuses in words of its own. */
export const MADDY: Profile = {
  ...USUAL,
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
};
