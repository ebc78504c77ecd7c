import { SMFIM } from '../../transport/wire/flags.js';
import { AUTH, type KnownProfile, type MacroTable, REFERENCE, TLS, USUAL } from './profile.js';

/** The macros of a stage for which the milter has asked for none. */
const MACROS: MacroTable = {
  connect: ['j', '{daemon_name}', '{daemon_addr}', 'v', '_'],
  helo: TLS,
  mail: ['i', ...AUTH, '{auth_author}', '{mail_addr}', '{mail_host}', '{mail_mailer}'],
  rcpt: ['i', '{rcpt_addr}', '{rcpt_host}', '{rcpt_mailer}'],
  data: ['i'],
  eom: ['i'],
  eoh: ['i'],
};

/** Postfix. It sends `v` at CONNECT, and it alone sends macros for HEADER and BODY, too. */
export const POSTFIX: KnownProfile = {
  ...USUAL,
  ...REFERENCE,
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
  aborts: () => true,
  quitsAlways: false,
  idAtMail: false,
  missingCode: '',
  // It takes an empty list for none, and sends those of `eoh` with every header, those of `eom` with the body.
  macrosFor(stage, lists) {
    if (stage === 'unknown') return [];
    const list = stage === 'body' ? 'eom' : stage === 'header' ? 'eoh' : stage;
    const asked = lists.get(SMFIM[list]) ?? [];
    return asked.length === 0 ? MACROS[list] : asked;
  },
};
