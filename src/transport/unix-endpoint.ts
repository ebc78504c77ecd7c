import type { Endpoint } from './endpoint.js';

// sun_path in sockaddr_un, without the closing NUL: 108 bytes on Linux, 104 on the BSDs and macOS.
export const LONGEST_PATH = process.platform === 'linux' ? 107 : 103;

/** `queue_directory` of Postfix, as it is nearly everywhere. */
const POSTFIX_QUEUE = '/var/spool/postfix';

/**
 * A Unix domain socket as an endpoint, its path checked; `fail` is called with what is wrong.
 *
 * The length is checked here because Node binds a longer path cut off, without an error, to a file nobody asked for.
 */
export function unixEndpoint(path: string, fail: (problem: string) => never): Endpoint {
  if (path === '')
    return fail('the path is missing; write unix: and an absolute path, such as "unix:/run/filter.sock"');
  if (path.includes('\0')) return fail('the path contains a NUL; abstract sockets are not supported');
  if (path.trimEnd() !== path) return fail('the path ends in white space; remove it');
  if (!path.startsWith('/')) {
    const below = path.replace(/^(\.{0,2}\/)+/, '');
    return fail(
      `the path "${path}" is relative, and only an absolute one is the same file for everybody. ` +
        `In Postfix's smtpd_milters a relative path is below its queue directory; here that is "unix:${POSTFIX_QUEUE}/${below}"`,
    );
  }
  if (path.endsWith('/')) return fail('the path is that of a directory; add the name of the socket file');
  const length = Buffer.byteLength(path);
  if (length > LONGEST_PATH) {
    return fail(
      `the path is ${String(length)} bytes long, and a socket's path can have ${String(LONGEST_PATH)}; use a shorter directory`,
    );
  }
  return { family: 'unix', path };
}
