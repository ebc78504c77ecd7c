import { AUTH, type KnownProfile, TLS, USUAL } from './profile.js';

/** Postfix. It sends `v` at CONNECT, and it alone sends macros for HEADER and BODY, too. */
export const POSTFIX: KnownProfile = {
  ...USUAL,
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
  oldActions: 0x1ff,
  abortsAlways: true,
  quitsAlways: false,
  idAtMail: false,
  missingCode: '',
  macros: {
    connect: ['j', '{daemon_name}', '{daemon_addr}', 'v', '_'],
    helo: TLS,
    mail: ['i', ...AUTH, '{auth_author}', '{mail_addr}', '{mail_host}', '{mail_mailer}'],
    rcpt: ['i', '{rcpt_addr}', '{rcpt_host}', '{rcpt_mailer}'],
    data: ['i'],
    eom: ['i'],
    eoh: ['i'],
  },
};
