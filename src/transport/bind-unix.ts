import { chmodSync, chownSync, unlinkSync } from 'node:fs';
import type { Server } from 'node:net';
import type { BindOptions } from './bind.js';
import { errorCode } from '../common/error-code.js';
import { fileIdentity } from './file-identity.js';
import { guardSocketFile } from './guard-socket-file.js';
import { listening } from './listening.js';
import { privately } from './privately.js';
import { staleSocket } from './stale-socket.js';

type Fail = (problem: string, cause?: unknown) => never;

/** Listens on a Unix domain socket; `fail` is called with what went wrong. */
export async function bindUnix(
  server: Server,
  path: string,
  options: BindOptions,
  fail: Fail,
): Promise<void> {
  const { mode = 0o660, owner = -1, group = -1, backlog } = options;
  checkMode(mode, fail);
  checkId('owner', '-u', owner, fail);
  checkId('group', '-g', group, fail);
  const stale = await staleSocket(path, fail);

  // From here to the end of the ownership everything happens in one go, without a turn of the event loop in between.
  if (stale !== undefined) removeStale(path, stale, fail);
  // In a cluster's worker the primary would bind instead, later and under its own umask: exclusive keeps it here.
  const ready = privately(() =>
    listening(server, { path, exclusive: true, ...(backlog === undefined ? {} : { backlog }) }),
  );
  let denied: unknown;
  if (server.listening) {
    try {
      // The group before the mode, so that the group that is only on its way out is never let in; the owner last, because
      // afterwards the file is no longer ours to change.
      if (group !== -1) chownSync(path, -1, group);
      chmodSync(path, mode);
      if (owner !== -1) chownSync(path, owner, -1);
      guardSocketFile(server, path);
    } catch (error) {
      denied = error;
    }
  }
  try {
    await ready;
  } catch (error) {
    return fail(explain(error), error);
  }
  if (denied === undefined) return;
  await new Promise((resolve) => server.close(resolve));
  return fail(explainDenied(denied, owner), denied);
}

/** Removes the file that was found stale, unless another process has put its own there since. */
function removeStale(path: string, stale: string, fail: Fail): void {
  if (fileIdentity(path) !== stale) return;
  try {
    unlinkSync(path);
  } catch (error) {
    fail(
      `the socket file of an earlier process is there and cannot be removed (${errorCode(error)}); remove it`,
      error,
    );
  }
}

function checkMode(mode: number, fail: Fail): void {
  if (Number.isInteger(mode) && mode >= 0 && mode <= 0o777) return;
  const octal = /^[0-7]{3}$/.test(String(mode)) ? `; did you mean 0o${mode}?` : ', such as 0o660';
  fail(`the mode ${mode} is not one of 0o000 to 0o777${octal}`);
}

function checkId(what: string, flag: string, id: unknown, fail: Fail): void {
  if (typeof id === 'number' && Number.isInteger(id) && id >= -1) return;
  fail(`the ${what} ${JSON.stringify(id)} is not a numeric id; "id ${flag} name" prints the id of a name`);
}

function explain(error: unknown): string {
  switch (errorCode(error)) {
    case 'EADDRINUSE':
      return 'another process has just taken the path; stop it or take another path';
    case 'EACCES':
      return 'no permission to create a file in the directory; change its owner or its mode, or take another directory';
    case 'EROFS':
      return 'the directory is on a read-only file system; take another one, such as /run';
    default:
      return error instanceof Error ? error.message : String(error);
  }
}

function explainDenied(error: unknown, owner: number): string {
  if (errorCode(error) !== 'EPERM') return error instanceof Error ? error.message : String(error);
  return owner === -1
    ? 'the group of the socket file cannot be set; a process can only give it a group that it is a member of, or be root'
    : 'the owner of the socket file cannot be set; only root can give a file away, leave `owner` out and use `group`';
}
