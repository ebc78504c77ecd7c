import type { Profile } from './profile.js';

/** Postfix. It sends `v` at CONNECT, and it alone sends macros for HEADER and BODY, too. */
export const POSTFIX: Profile = {
  name: 'postfix',
  version: /postfix/i,
  recognises: ({ forContent }) => forContent,
  adds: 'at the end',
  makes: new Set(),
  countsConfigured: false,
  keepsName: false,
  // Programs that always read two strings take a single one for a broken frame; Postfix takes an empty one as none.
  noArguments: [''],
  codesRejections: false,
};
