import { bareName, wireName } from '../../session/negotiation/macro-name.js';
import { SMFIM } from '../../transport/wire/flags.js';

/** Values of macros, by name: `i`, `{auth_authen}`. Braces around a name make no difference. */
export type Macros = Readonly<Record<string, string | undefined>>;

/** A command that macros may go before. */
export type MacroStage =
  'connect' | 'helo' | 'mail' | 'rcpt' | 'data' | 'header' | 'eoh' | 'body' | 'eom' | 'unknown';

/** The lists that a milter asked for, by the number of their stage. */
type Lists = ReadonlyMap<number, readonly string[]>;

/** The number of a stage in a symbol list (libmilter's `SMFIM_*`). Postfix sends those of eoh with every header, those of eom with the body. */
const STAGES: Readonly<Record<MacroStage, number | undefined>> = {
  ...SMFIM,
  body: SMFIM.eom,
  header: SMFIM.eoh,
  unknown: undefined,
};
const { eom: EOM, eoh: EOH } = SMFIM;

const TLS = ['{tls_version}', '{cipher}', '{cipher_bits}', '{cert_subject}', '{cert_issuer}'];

/** Postfix's defaults (`milter_connect_macros` and so on, since 3.5), by number. */
const POSTFIX: readonly (readonly string[])[] = [
  ['j', '{daemon_name}', '{daemon_addr}', 'v', '_'],
  TLS,
  ['i', '{auth_type}', '{auth_authen}', '{auth_author}', '{mail_addr}', '{mail_host}', '{mail_mailer}'],
  ['i', '{rcpt_addr}', '{rcpt_host}', '{rcpt_mailer}'],
  ['i'],
  ['i'],
  ['i'],
];

/** What Sendmail's standard configuration has; nothing for data and eoh. */
const SENDMAIL: readonly (readonly string[] | undefined)[] = [
  ['j', '_', '{daemon_name}', '{if_name}', '{if_addr}'],
  TLS,
  [
    'i',
    '{auth_type}',
    '{auth_authen}',
    '{auth_ssf}',
    '{auth_author}',
    '{mail_mailer}',
    '{mail_host}',
    '{mail_addr}',
  ],
  ['{rcpt_mailer}', '{rcpt_host}', '{rcpt_addr}'],
  undefined,
  ['{msg_id}'],
  undefined,
];

/**
 * The macros that Postfix sends before a command: those that the milter asked for, else its defaults, as far as they
 * have a value. It takes an empty list for none.
 */
export function postfixMacros(stage: MacroStage, values: Macros, lists: Lists): [string, string][] {
  const number = STAGES[stage];
  if (number === undefined) return [];
  const wanted = lists.get(number) ?? [];
  return present(wanted.length === 0 ? (POSTFIX[number] ?? []) : wanted, values, wireName);
}

/**
 * The macros that Sendmail sends before a command; nothing where it sends no frame at all: before what has no list of
 * its own, and where the milter asked for an empty one.
 *
 * It mixes up the lists of eom and eoh: the former counts only where there is the latter, too, and the latter alone
 * leaves eom without macros.
 */
export function sendmailMacros(
  stage: MacroStage,
  values: Macros,
  lists: Lists,
): [string, string][] | undefined {
  const number = STAGES[stage];
  if (number === undefined || stage === 'header' || stage === 'body') return undefined;
  const names = number === EOM ? listAtEom(lists) : (lists.get(number) ?? SENDMAIL[number]);
  return names === undefined || (lists.has(number) && names.length === 0)
    ? undefined
    : present(names, values, sendmailName);
}

/** Sendmail reads a name that has no braces up to its first letter. */
function sendmailName(name: string): string {
  return name.startsWith('{') ? wireName(name) : name.slice(0, 1);
}

function listAtEom(lists: Lists): readonly string[] | undefined {
  return lists.has(EOH) ? lists.get(EOM) : SENDMAIL[EOM];
}

/** A macro comes under the name that the milter asked for it by, whatever macro it is. */
function present(
  names: readonly string[],
  values: Macros,
  meant: (name: string) => string,
): [string, string][] {
  return names.flatMap((name): [string, string][] => {
    const known = meant(name);
    const value = values[known] ?? values[bareName(known)] ?? values[name];
    return value === undefined ? [] : [[name, value]];
  });
}
