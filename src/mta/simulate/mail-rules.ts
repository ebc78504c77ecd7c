import {
  either,
  list,
  object,
  oneOf,
  record,
  required,
  rule,
  string,
  text,
  whole,
  type Rule,
  type Rules,
} from '../../common/options.js';
import type { SmtpReply } from '../../session/smtp-reply.js';
import type { ConnectFields } from '../../transport/wire/layouts.js';
import type { ClientMail, ClientOptions } from './client-mail.js';
import type { ClientAuth, ClientTls } from './client-security.js';
import type { Mail, MailRecipient, Path } from './mail.js';

const CONTROL = /[\0-\x1f\x7f]/;
/** Anything may be in a name but what would end it; blanks may be before the colon. */
const NAME = /^[^\0-\x20:\x7f]+[ \t]*$/;

const isString = (value: unknown): value is string => typeof value === 'string';
const isPlain = (value: unknown): boolean => isString(value) && !CONTROL.test(value);

const address = rule('an address without control characters', isPlain);
const argument = rule('an ESMTP argument without control characters, such as NOTIFY=NEVER', isPlain);
/** ESMTP arguments, each a string of its own. */
export const argumentList: Rule = list(argument, "an array of arguments, such as ['NOTIFY=NEVER']");

const PATH: Rules<Path> = { address: required(address), args: argumentList };
const REPLY: Rules<SmtpReply> = {
  code: required(whole(400, 599)),
  enhanced: string,
  lines: required(list(string)),
};
const RECIPIENT: Rules<MailRecipient> = { ...PATH, refused: object(REPLY) };

/** An address by itself, or an object that has one. */
function pathOf<P extends Path>(rules: Rules<P>): Rule {
  return either(address, { ...object(rules), expected: '{ address, args }' });
}

const header: Rule = {
  ...rule(
    "[name, value], such as ['Subject', 'Hi']",
    (value) => Array.isArray(value) && faultOf(value) === undefined,
  ),
  hint: (value) => (Array.isArray(value) ? faultOf(value) : undefined),
};

function faultOf([name, value, raw = '']: readonly unknown[]): string | undefined {
  for (const content of [value, raw]) {
    if (text.check(content) !== 'right') return 'The value has to be a string or bytes.';
    if (Buffer.from(content as string).includes(0)) return 'The value has to be without NUL.';
  }
  if (isString(name) && NAME.test(name)) return undefined;
  return 'The name has to be without a colon, blanks and control characters.';
}

/** Values of macros, by name. */
export const macroValues: Rule = record({ ...string, expected: 'strings' });

/** What there may be of a message and its envelope. */
export const MAIL_RULES: Rules<Mail> = {
  sender: required(pathOf(PATH), "Use '' for the null sender."),
  recipients: required(list(required(pathOf(RECIPIENT)), 'an array of addresses')),
  headers: list(required(header), "an array of [name, value], such as [['Subject', 'Hi']]"),
  body: text,
  macros: macroValues,
  reset: oneOf('mail', 'rcpt'),
};

/** What can be said of the place that a client is at. */
export const CONNECT_RULES: Rules<ConnectFields> = {
  host: string,
  family: oneOf('inet', 'inet6', 'unix', 'unknown'),
  port: whole(0, 65_535),
  address: string,
  raw: text,
};

const TLS: Rules<ClientTls> = {
  version: required(string),
  cipher: required(string),
  bits: required(whole(0)),
  subject: string,
  issuer: string,
};
const AUTH: Rules<ClientAuth> = { user: required(string), type: string, author: string };

/** What can be said of the SMTP client. */
export const CLIENT_RULES: Rules<ClientOptions> = {
  client: object(CONNECT_RULES),
  helo: string,
  tls: object(TLS),
  auth: object(AUTH),
};

/** Both. */
export const CLIENT_MAIL_RULES: Rules<ClientMail> = { ...MAIL_RULES, ...CLIENT_RULES };
