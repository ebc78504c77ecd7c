import type { Profile } from './profile.js';

/** A mail server that is not known. It may be a Sendmail that has not shown itself yet. */
export const GENERIC: Profile = {
  name: 'unknown',
  version: /^/,
  recognises: () => true,
  adds: 'unknown',
  makes: new Set(),
  countsConfigured: false,
  keepsName: false,
  noArguments: [''],
  codesRejections: false,
};
