import { errorCode } from '../common/error-code.js';
import { messageOf } from '../common/text-of.js';
import type { Access } from './check-access.js';
import { SocketFileError } from './socket-file-error.js';

/** Says why a Unix socket cannot be made, and what to do. `stale` where the file of an earlier process is in its place. */
export function explainUnix(error: unknown, access: Access, stale: boolean): string {
  if (error instanceof SocketFileError) return error.message;
  const { code, syscall } = codesOf(error);
  if (syscall === 'lchown') return explainChown(code, access);
  switch (code) {
    case 'EACCES':
    case 'EPERM':
      return stale
        ? `the socket file of an earlier process is there and cannot be removed (${code}); remove it`
        : 'no permission to create a file in the directory; change its owner or its mode, or take another directory';
    case 'EROFS':
      return 'the directory is on a read-only file system; take another one, such as /run';
    case 'EISDIR':
    case 'ENOTDIR':
    case 'ENOTEMPTY':
      return 'a directory was put at the path while the socket was made; remove it or take another path';
    case 'ENOENT':
      return 'the directory was removed while the socket was made; create it, owned by the user of this process';
    case 'EMFILE':
    case 'ENFILE':
      return `there are no file descriptors left (${code}); raise the limit ("ulimit -n", LimitNOFILE=)`;
    default:
      // What follows the comma is the call and a path of /proc, which say nothing to whoever chose the endpoint.
      return syscall === undefined ? messageOf(error) : (messageOf(error).split(', ')[0] ?? code);
  }
}

function explainChown(code: string, { owner }: Access): string {
  if (code !== 'EPERM') return `the owner or the group of the socket file cannot be set (${code})`;
  return owner === -1
    ? 'the group of the socket file cannot be set; a process can only give it a group that it is a member of, or be root'
    : 'the owner of the socket file cannot be set; only root can give a file away, leave `owner` out and use `group`';
}

function codesOf(error: unknown): { code: string; syscall: string | undefined } {
  const syscall = error instanceof Error && 'syscall' in error ? error.syscall : undefined;
  return { code: errorCode(error), syscall: typeof syscall === 'string' ? syscall : undefined };
}
