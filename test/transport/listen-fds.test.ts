import { ListenError } from 'rxmilter';
import { describe, expect, it } from 'vitest';

import { listenFds } from '../../src/transport/sockets/inherited-sockets.js';

const PID = 4711;

/** The variables as they are afterwards, and what was found. */
function found(variables: Record<string, string>): { fds: unknown; env: Record<string, string | undefined> } {
  const env = { PATH: '/bin', ...variables };
  return { fds: listenFds(env, PID), env };
}

// What is expected here stands in sd_listen_fds(3).
describe('The variables of socket activation', () => {
  it('name the file descriptors from 3 on, in their order', () => {
    expect(found({ LISTEN_PID: '4711', LISTEN_FDS: '2', LISTEN_FDNAMES: 'mail.socket:admin' })).toEqual({
      fds: [
        { fd: 3, name: 'mail.socket' },
        { fd: 4, name: 'admin' },
      ],
      env: { PATH: '/bin' },
    });
  });

  it('are nothing where systemd has not set them, or not all', () => {
    for (const variables of [{}, { LISTEN_PID: '4711' }, { LISTEN_FDS: '2' }] as Record<string, string>[]) {
      expect(found(variables)).toEqual({ fds: [], env: { PATH: '/bin' } });
    }
  });

  it('are nothing to a process that they are not for, and go no further', () => {
    const variables = { LISTEN_PID: '4712', LISTEN_FDS: '1', LISTEN_FDNAMES: 'x', LISTEN_PIDFDID: '5' };
    expect(found(variables)).toEqual({ fds: [], env: { PATH: '/bin' } });
  });

  it('leave sockets without names "unknown", and may give one an empty name', () => {
    expect(found({ LISTEN_PID: '4711', LISTEN_FDS: '1' }).fds).toEqual([{ fd: 3, name: 'unknown' }]);
    expect(found({ LISTEN_PID: '4711', LISTEN_FDS: '2', LISTEN_FDNAMES: ':b' }).fds).toEqual([
      { fd: 3, name: '' },
      { fd: 4, name: 'b' },
    ]);
  });

  it('may say that there are no sockets', () => {
    expect(found({ LISTEN_PID: '4711', LISTEN_FDS: '0', LISTEN_FDNAMES: '' }).fds).toEqual([]);
  });

  it('are refused where they make no sense, in words that say which one', () => {
    const wrong: [Record<string, string>, string][] = [
      [{ LISTEN_PID: 'me', LISTEN_FDS: '1' }, 'LISTEN_PID is "me", which is no number'],
      [{ LISTEN_PID: '4711', LISTEN_FDS: '-1' }, 'LISTEN_FDS is "-1", which is no number from 0'],
      [{ LISTEN_PID: '4711', LISTEN_FDS: '' }, 'LISTEN_FDS is "", which is no number'],
      [{ LISTEN_PID: '4711', LISTEN_FDS: '99999999' }, 'LISTEN_FDS is "99999999", which is no number'],
      [
        { LISTEN_PID: '4711', LISTEN_FDS: '2', LISTEN_FDNAMES: 'one' },
        'LISTEN_FDNAMES has 1 names ("one"), and LISTEN_FDS says 2',
      ],
    ];
    for (const [variables, message] of wrong) {
      const env = { ...variables };
      expect(() => listenFds(env, PID)).toThrow(ListenError);
      expect(env).toEqual({});
      expect(() => found(variables)).toThrow(message);
    }
  });
});
