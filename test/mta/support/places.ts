const TOP = '/opt/rxmilter-mta';

/** Whether the tests run with the mail servers of Debian's next release, not with this system's. */
const NEWER = wanted(process.env.RXMILTER_MTA);

/** What puts the mail servers there. */
export const INSTALL = `test/mta/install.sh${NEWER ? ' newer' : ''}`;

const postfix = NEWER ? `${TOP}/newer` : '';

/** Where Postfix is. */
export const POSTFIX = {
  commands: `${postfix}/usr/sbin`,
  daemons: `${postfix}/usr/lib/postfix/sbin`,
  /** What it looks at when it starts. */
  meta: NEWER ? `${postfix}/usr/share/postfix` : '/etc/postfix',
} as const;

const sendmail = `${TOP}/${NEWER ? 'newer' : 'sendmail'}`;

/** Where Sendmail is. */
export const SENDMAIL = {
  program: `${sendmail}/usr/libexec/sendmail/sendmail`,
  /** What m4 makes its configuration of. */
  cf: `${sendmail}/usr/share/sendmail/cf/`,
  /** Below it directories may be made that pass Sendmail's checks of file safety. */
  runs: TOP,
} as const;

function wanted(servers: string | undefined): boolean {
  if (servers !== undefined && servers !== '' && servers !== 'newer')
    throw new Error(`RXMILTER_MTA=${servers}: the only servers beside this system's own are: newer`);
  return servers === 'newer';
}
