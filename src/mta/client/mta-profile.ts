import { OLD_ACTIONS, type SMFIM } from '../../transport/wire/flags.js';

/** The mail servers whose behaviour is known. */
export type MtaKind = 'postfix' | 'sendmail';

/** How a mail server differs from others in what it sends to a milter, and when. */
export interface MtaProfile {
  readonly name: MtaKind;
  /** The actions that it offers together with a protocol version below 6. */
  readonly oldActions: number;
  /** Whether ABORT follows on every message; otherwise only on a message that the client gives up. */
  readonly abortsAlways: boolean;
  /** Whether it sends QUIT to a milter that has decided about the whole session. */
  readonly quitsAlways: boolean;
  /** Whether a message has its queue id before a recipient is accepted. */
  readonly idAtMail: boolean;
  /** The enhanced code, without its class, that it gives a reply that has none; `''` where it gives none. */
  readonly missingCode: string;
  /** The macros that it sends at a stage for which the milter asked for none. */
  readonly macros: Readonly<Partial<Record<keyof typeof SMFIM, readonly string[]>>>;
}

const TLS = ['{tls_version}', '{cipher}', '{cipher_bits}', '{cert_subject}', '{cert_issuer}'];
const AUTH = ['{auth_type}', '{auth_authen}'];

const PROFILES: Readonly<Record<MtaKind, MtaProfile>> = {
  /** Postfix 3.7 with its default settings (`milter_connect_macros` and so on, since 3.5). */
  postfix: {
    name: 'postfix',
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
  },
  /** Sendmail 8.17 with its standard configuration. */
  sendmail: {
    name: 'sendmail',
    oldActions: OLD_ACTIONS,
    abortsAlways: false,
    quitsAlways: true,
    idAtMail: true,
    missingCode: '.0.0',
    macros: {
      connect: ['j', '_', '{daemon_name}', '{if_name}', '{if_addr}'],
      helo: TLS,
      mail: ['i', ...AUTH, '{auth_ssf}', '{auth_author}', '{mail_mailer}', '{mail_host}', '{mail_addr}'],
      rcpt: ['{rcpt_mailer}', '{rcpt_host}', '{rcpt_addr}'],
      eom: ['{msg_id}'],
    },
  },
};

/** The profile of a mail server. */
export function profileOf(mta: MtaKind = 'postfix'): MtaProfile {
  return PROFILES[mta];
}
