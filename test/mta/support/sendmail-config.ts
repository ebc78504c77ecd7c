/** One SMTP port of a private Sendmail, and the filters that it asks, in their order. */
export interface SendmailListener {
  readonly port: number;
  /** Default: 127.0.0.1. */
  readonly host?: string;
  /** Names of {@link SendmailFilter}s. */
  readonly filters: readonly string[];
}

/** A filter as Sendmail is told of it, by its name. */
export type SendmailFilters = Readonly<Record<string, string>>;

/**
 * Writes the `.mc` of a private Sendmail below `dir` that hands every message to the SMTP server on `relayPort`.
 *
 * `filters` are given as in `INPUT_MAIL_FILTER`; the first one is also for what comes through no port (`sendmail -bs`).
 * No DNS, no load limits, and `m4` makes a standard `sendmail.cf` of it, but for two domains that Sendmail refuses itself:
 * recipients at `unknown.example` when it looks where to send them, those at `blocked.example` by a rule of `check_rcpt`.
 */
export function sendmailMc(
  dir: string,
  relayPort: number,
  filters: SendmailFilters,
  listeners: readonly SendmailListener[],
): string {
  const definitions: Record<string, string> = {
    confDOMAIN_NAME: 'mx.test.example',
    confSERVICE_SWITCH_FILE: `${dir}/service.switch`,
    confBIND_OPTS: '-DNSRCH -DEFNAMES',
    confDONT_PROBE_INTERFACES: 'True',
    QUEUE_DIR: `${dir}/queue`,
    STATUS_FILE: '',
    HELP_FILE: '',
    ALIAS_FILE: `${dir}/aliases`,
    confPID_FILE: `${dir}/sendmail.pid`,
    confCW_FILE: `-o ${dir}/empty`,
    confCT_FILE: `-o ${dir}/empty`,
    confDEF_USER_ID: '8:8',
    confDELIVERY_MODE: 'i', // the final dot is answered after the delivery
    confTO_IDENT: '0',
    confPRIVACY_FLAGS: '',
    confBAD_RCPT_THROTTLE: '0',
    confREFUSE_LA: '1000',
    confQUEUE_LA: '1000',
    confDELAY_LA: '1000',
    confMAX_HEADERS_LENGTH: '200000',
    SMART_HOST: 'relay:[127.0.0.1]',
    RELAY_MAILER_ARGS: `TCP $h ${relayPort}`,
    RELAY_MAILER_LL: '0',
  };
  const features = [
    'no_default_msa',
    'nocanonify',
    'accept_unresolvable_domains',
    'accept_unqualified_senders',
    'promiscuous_relay',
  ];
  const [first] = Object.keys(filters);
  const lines = [
    'divert(-1)',
    define('MAIL_SETTINGS_DIR', `${dir}/`),
    'divert(0)',
    "VERSIONID(`test')",
    "OSTYPE(`linux')",
    ...Object.entries(definitions).map(([name, value]) => define(name, value)),
    ...features.map((feature) => `FEATURE(${quote(feature)})`),
    ...listeners.map(({ port, host = '127.0.0.1', filters: asked }, number) => {
      const family = host.includes(':') ? 'Family=inet6, ' : '';
      // M=A: no authentication, which would be offered otherwise
      return `DAEMON_OPTIONS(${quote(`${family}Port=${port}, Addr=${host}, Name=MTA${number}, M=A, I=${asked.join(';')}`)})`;
    }),
    ...Object.entries(filters).map(
      ([name, equates]) =>
        `${name === first ? 'INPUT_MAIL_FILTER' : 'MAIL_FILTER'}(${quote(name)}, ${quote(equates)})`,
    ),
    "MAILER(`local')",
    "MAILER(`smtp')",
    'LOCAL_RULE_0',
    'R$* < @ unknown.example $* > $*\t$#error $@ 5.1.1 $: "550 nobody is known there"',
    'LOCAL_RULESETS',
    'SLocal_check_rcpt',
    'R< $+ @ blocked.example >\t$#error $@ 5.7.1 $: "550 blocked by a rule"',
  ];
  return `${lines.join('\n')}\n`;
}

function define(name: string, value: string): string {
  return `define(${quote(name)}, ${quote(value)})`;
}

function quote(text: string): string {
  return `\`${text}'`;
}
