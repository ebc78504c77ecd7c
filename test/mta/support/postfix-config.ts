import { POSTFIX } from './places.js';

/** One `smtpd` of a private Postfix: its port of 127.0.0.1 and the settings in which it differs from `main.cf`. */
export interface Listener {
  readonly port: number;
  readonly settings: Readonly<Record<string, string>>;
  /** Whether it runs in a chroot, the queue directory. */
  readonly confined?: boolean;
}

/**
 * Writes the `main.cf` of a private Postfix below `dir` that hands every message to the SMTP server on `relayPort`.
 *
 * `settings` are written last and win. No DNS, no rewriting of headers and no limits that would slow a test down.
 */
export function mainCf(dir: string, relayPort: number, settings: Readonly<Record<string, string>>): string {
  const values: Record<string, string> = {
    compatibility_level: '3.6',
    queue_directory: `${dir}/queue`,
    data_directory: `${dir}/data`,
    command_directory: POSTFIX.commands,
    daemon_directory: POSTFIX.daemons,
    meta_directory: POSTFIX.meta,
    mail_owner: 'postfix',
    setgid_group: 'postdrop',
    maillog_file: `${dir}/maillog`,
    maillog_file_prefixes: `${dir}, /var, /dev/stdout`,
    inet_interfaces: '127.0.0.1',
    inet_protocols: 'ipv4',
    myhostname: 'mx.test.example',
    mydomain: 'test.example',
    myorigin: 'test.example',
    mydestination: '',
    local_recipient_maps: '',
    alias_maps: '',
    alias_database: '',
    mynetworks: '0.0.0.0/0', // also whatever a client on loopback pretends to be with XCLIENT
    smtpd_authorized_xclient_hosts: '127.0.0.1',
    smtpd_relay_restrictions: 'permit_mynetworks, reject',
    smtpd_peername_lookup: 'no',
    smtp_dns_support_level: 'disabled',
    smtp_host_lookup: 'native',
    default_transport: `smtp:[127.0.0.1]:${relayPort}`,
    append_dot_mydomain: 'no',
    local_header_rewrite_clients: '',
    biff: 'no',
    notify_classes: '',
    in_flow_delay: '0',
    smtputf8_enable: 'yes',
    smtp_line_length_limit: '0',
    smtpd_error_sleep_time: '0',
    smtpd_soft_error_limit: '1000',
    smtpd_hard_error_limit: '1000',
    smtpd_junk_command_limit: '1000',
    smtpd_client_connection_count_limit: '0',
    milter_protocol: '6',
    // no decision of a filter is answered like this, so that a broken filter is not taken for a deciding one
    milter_default_action: 'reject',
    milter_connect_timeout: '10s',
    milter_command_timeout: '30s',
    milter_content_timeout: '60s',
    ...settings,
  };
  return Object.entries(values)
    .map(([name, value]) => `${name} = ${value}\n`)
    .join('');
}

const SERVICES = `
pickup    unix  n - n 1     1 pickup
cleanup   unix  n - n -     0 cleanup
qmgr      unix  n - n 300   1 qmgr
tlsmgr    unix  - - n 1000? 1 tlsmgr
rewrite   unix  - - n -     - trivial-rewrite
bounce    unix  - - n -     0 bounce
defer     unix  - - n -     0 bounce
trace     unix  - - n -     0 bounce
verify    unix  - - n -     1 verify
flush     unix  n - n 1000? 0 flush
proxymap  unix  - - n -     - proxymap
smtp      unix  - - n -     - smtp
relay     unix  - - n -     - smtp
showq     unix  n - n -     - showq
error     unix  - - n -     - error
retry     unix  - - n -     - error
discard   unix  - - n -     - discard
anvil     unix  - - n -     1 anvil
scache    unix  - - n -     1 scache
postlog   unix-dgram n - n - 1 postlogd
`;

/** Writes the `master.cf` with one `smtpd` for each listener; nothing else is chrooted. */
export function masterCf(listeners: readonly Listener[]): string {
  const smtpds = listeners.map(({ port, settings, confined = false }) =>
    [
      `127.0.0.1:${port} inet n - ${confined ? 'y' : 'n'} - - smtpd`,
      ...Object.entries(settings).map(([name, value]) => `  -o { ${name} = ${value} }`),
    ].join('\n'),
  );
  return smtpds.join('\n') + SERVICES;
}
