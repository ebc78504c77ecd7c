/** Values of macros, by their names as on the wire: `i`, `{auth_authen}`. */
export type Macros = Readonly<Record<string, string | undefined>>;

/** The number of a stage in a symbol list (libmilter's `SMFIM_*`), and what Postfix sends there unasked. */
interface MacroList {
  readonly stage: number | undefined;
  readonly names: readonly string[];
}

const EOH: MacroList = { stage: 6, names: ['i'] };
const EOM: MacroList = { stage: 5, names: ['i'] };

/** Postfix's defaults (`milter_connect_macros` and so on, since 3.5). It sends those of eoh with every header, those of eom with the body. */
const LISTS = {
  connect: { stage: 0, names: ['j', '{daemon_name}', '{daemon_addr}', 'v', '_'] },
  helo: {
    stage: 1,
    names: ['{tls_version}', '{cipher}', '{cipher_bits}', '{cert_subject}', '{cert_issuer}'],
  },
  mail: {
    stage: 2,
    names: [
      'i',
      '{auth_type}',
      '{auth_authen}',
      '{auth_author}',
      '{mail_addr}',
      '{mail_host}',
      '{mail_mailer}',
    ],
  },
  rcpt: { stage: 3, names: ['i', '{rcpt_addr}', '{rcpt_host}', '{rcpt_mailer}'] },
  data: { stage: 4, names: ['i'] },
  header: EOH,
  eoh: EOH,
  body: EOM,
  eom: EOM,
  unknown: { stage: undefined, names: [] },
} as const satisfies Record<string, MacroList>;

/** A command that macros may go before. */
export type MacroStage = keyof typeof LISTS;

/**
 * The macros to send before a command: those that the milter asked for, else Postfix's defaults, as far as they have a
 * value. An empty list is taken as none, as Postfix does it.
 */
export function macrosFor(
  stage: MacroStage,
  values: Macros,
  lists: ReadonlyMap<number, readonly string[]>,
): [string, string][] {
  const { stage: number, names } = LISTS[stage];
  const wanted = number === undefined ? undefined : lists.get(number);
  const list = wanted === undefined || wanted.length === 0 ? names : wanted;
  return list.flatMap((name): [string, string][] => {
    const value = values[name];
    return value === undefined ? [] : [[name, value]];
  });
}
