import type { SessionInfo } from './session-info.js';

/**
 * The user who has logged in to the mail server, or `undefined` where nobody has (the macro `auth_authen`).
 *
 * Some mail servers send the macro with every message, and without a name in it where nobody has logged in: a value that
 * is empty or blank is no user. Whether there is a mechanism (`auth_type`) says nothing, since not every server sends it.
 * It is known from `mail` on.
 *
 * @example on('rcpt', ({ session }) => (authenticatedUser(session) === undefined ? reject('Log in first') : undefined))
 * @see Message.auth for the same with the mechanism
 */
export function authenticatedUser({ macros }: Pick<SessionInfo, 'macros'>): string | undefined {
  const user = macros.get('auth_authen');
  return user === undefined || user.trim() === '' ? undefined : user;
}
