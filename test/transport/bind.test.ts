import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { connect, createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ListenError } from 'rxmilter';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { bindServer } from '../../src/transport/sockets/bind.js';
import { parseEndpoint, type EndpointInput } from '../../src/transport/sockets/endpoint.js';
import type { BindOptions } from '../../src/transport/sockets/listening.js';
import { asNobody } from '../support/as-nobody.js';

const root = process.geteuid?.() === 0;
let directory: string;
let path: string;
let servers: Server[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'bind-'));
  chmodSync(directory, 0o777);
  path = join(directory, 's');
  servers = [];
});

afterEach(async () => {
  await Promise.all(servers.map(close));
  chmodSync(directory, 0o700);
  rmSync(directory, { recursive: true, force: true });
});

/** The fields of the last line of such a file. */
function lastOf(file: string): string[] {
  return (readFileSync(file, 'utf8').trimEnd().split('\n').at(-1) ?? '').split(':');
}

describe('a Unix socket', () => {
  it('can be connected to, and is removed by close()', async () => {
    const server = await bind({ path });
    await connecting();
    const closed = close(server);
    expect(existsSync(path)).toBe(false);
    await closed;
    expect(readdirSync(directory)).toEqual([]);
  });

  it('has mode 0660 whatever the umask is, and leaves the umask alone', async () => {
    for (const umask of [0o000, 0o022, 0o077]) {
      const before = process.umask(umask);
      try {
        const server = await bind({ path });
        expect(modeOf(path)).toBe(0o660);
        expect(process.umask(umask)).toBe(umask);
        await close(server);
      } finally {
        process.umask(before);
      }
    }
  });

  it('has the mode that was asked for', async () => {
    await bind({ path }, { mode: 0o606 });
    expect(modeOf(path)).toBe(0o606);
  });

  it('belongs to the owner and group that were asked for', async () => {
    if (root) {
      await bind({ path }, { owner: 65534, group: 65533 });
      expect(lstatSync(path)).toMatchObject({ uid: 65534, gid: 65533 });
      expect(modeOf(path)).toBe(0o660);
    } else {
      const group = process.getgid?.();
      await bind({ path }, { group });
      expect(lstatSync(path).gid).toBe(group);
    }
  });

  it('has an owner and a group by name, as they are called on this machine', async (context) => {
    if (process.getuid?.() !== 0) {
      console.log('skipped: only root can give a file away');
      return context.skip('only root can give a file away');
    }
    const [group, , gid] = lastOf('/etc/group');
    const [owner, , uid] = lastOf('/etc/passwd');
    await bind({ path }, { owner, group });
    expect(lstatSync(path)).toMatchObject({ uid: Number(uid), gid: Number(gid) });
  });

  it.each([
    ['owner', 'user', '/etc/passwd'],
    ['group', 'group', '/etc/group'],
  ])('has no %s that this machine does not have', async (option, what, file) => {
    const error = await errorOf(
      bindServer(createServer(), parseEndpoint({ path }), { [option]: 'no-such-name' }),
    );
    expect(error.message).toContain(`${file} has no ${what} 'no-such-name'; use another name, or the number`);
    expect(readdirSync(directory)).toEqual([]);
  });

  it.each<[string, BindOptions, string]>([
    ['owner', { owner: 1 }, 'the owner of the socket file cannot be set; only root can give a file away'],
    ['group', { group: 1 }, 'the group of the socket file cannot be set'],
  ])('is not left behind when its %s cannot be set', async (_what, options, problem) => {
    const server = createServer();
    const error = await asNobody(() => errorOf(bindServer(server, parseEndpoint({ path }), options)));
    expect(error.message).toContain(problem);
    expect(error.cause).toMatchObject({ code: 'EPERM' });
    expect(server.listening).toBe(false);
    expect(readdirSync(directory)).toEqual([]);
  });

  it.each<[BindOptions, string]>([
    [{ mode: 660 }, 'the mode 660 is not one of 0o000 to 0o777; did you mean 0o660?'],
    [{ mode: -1 }, 'the mode -1 is not one of 0o000 to 0o777, such as 0o660'],
  ])('is not made with %j', async (options, problem) => {
    expect((await failing({ path }, options)).message).toContain(problem);
    expect(readdirSync(directory)).toEqual([]);
  });

  it('replaces the file of a process that is gone', async () => {
    await leaveStaleSocket();
    await bind({ path });
    await connecting();
  });

  it('replaces nothing that a process listens on', async () => {
    await bind({ path });
    const error = await failing({ path });
    expect(error.message).toBe(
      `Cannot listen on unix:${path}: another process is listening there; stop it or take another path.`,
    );
    expect(error.endpoint).toBe(`unix:${path}`);
    await connecting();
  });

  it.each<[string, () => void]>([
    ['a regular file', () => writeFileSync(path, 'mail')],
    ['a directory', () => mkdirSync(path)],
    ['a symbolic link', () => symlinkSync('/nowhere', path)],
  ])('does not replace %s', async (what, make) => {
    make();
    const error = await failing({ path });
    expect(error.message).toContain(`there is ${what} at this path, which is not touched; remove it`);
    expect(lstatSync(path).isSocket()).toBe(false);
  });

  it('does not follow a symbolic link to a stale socket', async () => {
    await leaveStaleSocket();
    const link = join(directory, 'link');
    symlinkSync(path, link);
    expect((await failing({ path: link })).message).toContain('there is a symbolic link');
    expect(lstatSync(path).isSocket()).toBe(true);
  });

  it('says that the directory is missing', async () => {
    const error = await failing({ path: join(directory, 'none', 's') });
    expect(error.message).toContain(`the directory ${join(directory, 'none')} does not exist; create it`);
  });

  it('says that the directory is a file', async () => {
    writeFileSync(path, '');
    expect((await failing({ path: join(path, 's') })).message).toContain(`${path} is not a directory`);
    expect((await failing({ path: join(path, 'd', 's') })).message).toContain('is not a directory');
  });

  it.each([
    [0o555, 'no permission to create a file in the directory'],
    [0o666, 'no permission to look into the directory'],
  ])('says that a directory of mode %o does not let it in', async (mode, problem) => {
    const closed = join(directory, 'closed');
    mkdirSync(closed);
    chmodSync(closed, mode);
    const error = await asNobody(() => failing({ path: join(closed, 's') }));
    expect(error.message).toContain(problem);
    expect(error.cause).toMatchObject({ code: 'EACCES' });
  });

  it('says that a directory above does not let it through', async () => {
    const closed = join(directory, 'closed');
    mkdirSync(join(closed, 'inner'), { recursive: true });
    chmodSync(closed, 0o666);
    const error = await asNobody(() => failing({ path: join(closed, 'inner', 's') }));
    expect(error.message).toContain(`no permission to reach the directory ${join(closed, 'inner')}`);
    chmodSync(closed, 0o777);
  });

  it('says that the socket file is that of another user', async () => {
    await leaveStaleSocket();
    chmodSync(path, 0o000);
    const error = await asNobody(() => failing({ path }));
    expect(error.message).toContain('the socket file there belongs to another user');
  });

  it('says that a stale file cannot be removed', async () => {
    await leaveStaleSocket();
    chmodSync(path, 0o777);
    chmodSync(directory, 0o555);
    const error = await asNobody(() => failing({ path }));
    expect(error.message).toContain(
      'the socket file of an earlier process is there and cannot be removed (EACCES)',
    );
  });

  it('leaves a file alone that has taken the place of its own', async () => {
    const first = await bind({ path });
    unlinkSync(path);
    await bind({ path });
    await close(first);
    await connecting();
    expect(readdirSync(directory)).toEqual(['s']);
  });

  it('leaves any other file alone that has taken its place', async () => {
    const server = await bind({ path });
    unlinkSync(path);
    writeFileSync(path, 'mail');
    await close(server);
    expect(readFileSync(path, 'utf8')).toBe('mail');
  });

  it('closes in peace when its file is gone', async () => {
    const server = await bind({ path });
    unlinkSync(path);
    await close(server);
    expect(readdirSync(directory)).toEqual([]);
  });

  it('has mode 0660 even where the umask leaves the process itself no rights', async () => {
    const before = process.umask(0o777);
    try {
      await asNobody(() => bind({ path }));
    } finally {
      process.umask(before);
    }
    expect(modeOf(path)).toBe(0o660);
  });

  it('can be made again by the same server', async () => {
    const server = await bind({ path });
    for (let times = 0; times < 2; times += 1) {
      await close(server);
      await bindServer(server, parseEndpoint({ path }));
      await connecting();
    }
  });

  it('says that the server was closed meanwhile', async () => {
    const server = createServer();
    const bound = errorOf(bindServer(server, parseEndpoint({ path })));
    while (!server.listening) await Promise.resolve();
    server.close();
    expect((await bound).message).toContain('the server was closed before it could listen');
  });
});

describe('a TCP port', () => {
  it('is a free one when 0 is asked for', async () => {
    const server = await bind('inet:0');
    expect(server.address()).toMatchObject({ address: '127.0.0.1', family: 'IPv4' });
    expect(portOf(server)).toBeGreaterThan(0);
  });

  it('takes a backlog', async () => {
    const server = await bind('inet:0', { backlog: 1 });
    expect(server.listening).toBe(true);
  });

  it('is on the IPv6 loopback under inet6', async (context) => {
    if (!existsSync('/proc/net/if_inet6') || readFileSync('/proc/net/if_inet6', 'utf8') === '') {
      skip(context, 'this machine has no IPv6 address');
      return;
    }
    const server = await bind('inet6:0');
    expect(server.address()).toMatchObject({ address: '::1', family: 'IPv6' });
  });

  it('is on the address of the family that was asked for', async () => {
    const server = await bind('inet:0@localhost');
    expect(server.address()).toMatchObject({ family: 'IPv4' });
  });

  it('says that the port is in use', async () => {
    const port = portOf(await bind('inet:0'));
    const error = await failing({ port });
    expect(error).toBeInstanceOf(ListenError);
    expect(error.message).toBe(
      `Cannot listen on inet:${port}@127.0.0.1: the port is already in use; stop the other program ("ss -ltnp sport = :${port}" shows it) or take another port.`,
    );
    expect(error.cause).toMatchObject({ code: 'EADDRINUSE' });
  });

  it('says that the address is not of this machine', async () => {
    // 203.0.113.0/24 is kept for documentation.
    const error = await failing('inet:0@203.0.113.5');
    expect(error.message).toContain('203.0.113.5 is not an address of this machine');
  });

  it('says that a name has no address', async () => {
    const error = await failing('inet:0@no-such-host.invalid');
    expect(error.message).toMatch(
      /the name "no-such-host\.invalid" (has no IPv4 address|could not be looked up)/,
    );
    expect(error.cause).toBeInstanceOf(Error);
  });

  it('says that the port is for root', async (context) => {
    const first = '/proc/sys/net/ipv4/ip_unprivileged_port_start';
    if (!existsSync(first) || Number(readFileSync(first, 'utf8')) <= 1) {
      skip(context, 'there are no ports here that only root may listen on');
      return;
    }
    const error = await asNobody(() => failing('inet:1'));
    expect(error.message).toContain('no permission to listen on port 1; ports below 1024 need root');
  });

  it('is not taken by a server that listens already', async () => {
    const server = await bind('inet:0');
    const error = await errorOf(bindServer(server, parseEndpoint('inet:0')));
    expect(error.message).toContain('this server is already listening');
    expect(server.listening).toBe(true);
  });
});

it('leaves no listener on the server', async () => {
  const fresh = createServer();
  const counts = (server: Server): number[] =>
    ['error', 'listening', 'close'].map((event) => server.listenerCount(event));
  const server = createServer();
  servers.push(server);
  await errorOf(bindServer(server, parseEndpoint('inet:0@203.0.113.5')));
  expect(counts(server)).toEqual(counts(fresh));
  await bindServer(server, parseEndpoint({ path }));
  expect(counts(server)).toEqual(counts(fresh));
});

async function bind(input: EndpointInput, options?: BindOptions): Promise<Server> {
  const server = createServer((socket) => socket.end());
  servers.push(server);
  await bindServer(server, parseEndpoint(input), options);
  return server;
}

/** The error of a server that cannot listen; it must not listen afterwards either. */
async function failing(input: EndpointInput, options?: BindOptions): Promise<ListenError> {
  const server = createServer();
  const error = await errorOf(bindServer(server, parseEndpoint(input), options));
  expect(server.listening).toBe(false);
  return error;
}

async function errorOf(work: Promise<unknown>): Promise<ListenError> {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof ListenError)) throw new Error('expected a ListenError', { cause: error });
  expect(error.name).toBe('ListenError');
  expect(error.message).toMatch(/^Cannot listen on .*[^.?][.?]$/);
  return error;
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
  });
}

function connecting(): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve();
    }).once('error', reject);
  });
}

/** A socket file that no process listens on, as a killed process leaves it. The link survives the removal that Node does. */
async function leaveStaleSocket(): Promise<void> {
  const server = createServer();
  const dead = join(directory, 'dead');
  await new Promise<void>((resolve) => {
    server.listen(dead, resolve);
  });
  linkSync(dead, path);
  await close(server);
  expect(statSync(path).isSocket()).toBe(true);
}

function modeOf(file: string): number {
  return lstatSync(file).mode & 0o777;
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

/** Skips the test, and says why where everybody sees it. */
function skip(context: { skip: (note: string) => void }, why: string): void {
  console.log(`skipped: ${why}`);
  context.skip(why);
}
