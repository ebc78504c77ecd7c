/** Where `test/mta/install.sh` puts Sendmail. */
export const SENDMAIL = {
  /** Its programs and its configuration, unpacked. */
  dir: '/opt/rxmilter-mta/sendmail',
  program: '/opt/rxmilter-mta/sendmail/usr/libexec/sendmail/sendmail',
  /** Below it directories may be made that pass Sendmail's checks of file safety. */
  runs: '/opt/rxmilter-mta',
} as const;
