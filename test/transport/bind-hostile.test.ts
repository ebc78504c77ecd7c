import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { ListenError, openSocket, type OpenSocket } from 'rxmilter';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';

import { compiled } from '../message/support/compiled.js';

const UNPRIVILEGED = 65534;
const GROUP = 65533;
const root = process.geteuid?.() === 0;

let directory: string;
let shared: string;
let path: string;

let made: string;
/** The package for processes of their own. */
let index: string;

beforeAll(() => {
  // Where they find RxJS.
  const cache = fileURLToPath(new URL('../../node_modules/.cache/', import.meta.url));
  mkdirSync(cache, { recursive: true });
  made = mkdtempSync(join(cache, 'bind-'));
  index = compiled('index.ts', made);
}, 60_000);

afterAll(() => {
  rmSync(made, { recursive: true });
});

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'hostile-'));
  chmodSync(directory, 0o755);
  // What the user that the attacks come from owns, and with it all names in it.
  shared = join(directory, 'own', 'run');
  mkdirSync(shared, { recursive: true });
  if (root) for (const each of [join(directory, 'own'), shared]) chownSync(each, UNPRIVILEGED, GROUP);
  path = join(shared, 's');
});

afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

/** A process of a user without rights, that writes lines. */
function asUnprivileged(code: string, ...args: string[]): ChildProcess {
  const child = spawn(process.execPath, ['--input-type=module', '-e', code, '--', ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
    ...(root ? { uid: UNPRIVILEGED, gid: GROUP } : {}),
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}

/** Lines of a child, as they come. */
function linesOf(child: ChildProcess): AsyncIterator<string, undefined> {
  if (child.stdout === null) throw new Error('Its output is not read.');
  return createInterface(child.stdout)[Symbol.asyncIterator]() as AsyncIterator<string, undefined>;
}

function needsRoot(context: { skip: (note: string) => void }): boolean {
  if (root && process.platform === 'linux') return false;
  const why = 'only root on Linux can give files away, and have them taken for others';
  console.log(`skipped: ${why}`);
  context.skip(why);
  return true;
}

/** What the tests on attacks look at: that a file that others may not touch is as it was. */
function victims(): { readonly file: string; state: () => unknown } {
  const vault = join(directory, 'vault');
  mkdirSync(vault, { mode: 0o700 });
  const file = join(vault, 's');
  writeFileSync(file, 'secret', { mode: 0o600 });
  const state = (): unknown =>
    [vault, file].map((each) => {
      const { mode, uid, gid } = statSync(each);
      return [each, mode & 0o7777, uid, gid];
    });
  return { file, state };
}

/** Waits for what a start makes, replaces it as fast as it can by a way to the victim, and lets the next start begin. */
const SWAPPER = `
  import { linkSync, lstatSync, mkdirSync, readdirSync, renameSync, rmdirSync, symlinkSync, unlinkSync } from 'node:fs';
  const [, own, victim, way] = process.argv;
  const vault = victim.slice(0, -2);
  const run = own + '/run';
  const aside = own + '/aside';
  const attempt = (act) => { try { act(); return true; } catch { return false; } };
  const isThere = (path) => lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  mkdirSync(aside);
  console.log('ready');
  for (let count = 0; ; ) {
    const each = aside + '/' + count;
    if (way === 'the file') {
      if (isThere(run + '/s') && attempt(() => renameSync(run + '/s', each))) {
        count++;
        attempt(() => linkSync(victim, run + '/s')) || attempt(() => symlinkSync(victim, run + '/s'));
        attempt(() => unlinkSync(run + '/s'));
      }
    } else if (way === 'the directory in which it is made') {
      if (isThere(run + '/.s.new') && attempt(() => renameSync(run + '/.s.new', each))) {
        count++;
        attempt(() => symlinkSync(vault, run + '/.s.new'));
        attempt(() => unlinkSync(run + '/.s.new'));
        attempt(() => mkdirSync(run + '/.s.new'));
        attempt(() => symlinkSync(victim, run + '/.s.new/s'));
        attempt(() => unlinkSync(run + '/.s.new/s'));
        attempt(() => rmdirSync(run + '/.s.new'));
      }
    } else if (isThere(run + '/.s.new') || isThere(run + '/s')) {
      if (attempt(() => renameSync(run, each))) {
        attempt(() => symlinkSync(vault, run));
        attempt(() => unlinkSync(run));
        attempt(() => renameSync(each, run));
      }
    }
  }
`;

/** What a start may fail with while everything is being replaced: a sentence of what happened. */
const REASONS =
  /^(the file, or a directory above it, was replaced|there is a (symbolic link|regular file) at this path|the directory (.* )?(does not exist|was removed)|the socket is made in a directory|another process has just)/;

describe('a directory that another user may write to', () => {
  it.for(['the file', 'the directory in which it is made', 'the directory of both'])(
    'cannot be used to have root give away a file: by the swap of %s',
    { timeout: 120_000 },
    async (way, context) => {
      if (needsRoot(context)) return;
      const { file, state } = victims();
      const before = state();
      const swapper = asUnprivileged(SWAPPER, join(directory, 'own'), file, way);
      await linesOf(swapper).next();
      const reasons = new Set<string>();
      for (let times = 0; times < 334; times++) {
        try {
          const socket = await openSocket({ path }, { mode: 0o666, group: GROUP, owner: UNPRIVILEGED });
          await socket.close();
        } catch (error) {
          if (!(error instanceof ListenError)) throw error;
          reasons.add(error.message.replace(/^.*?: /, ''));
        }
      }
      expect(state()).toEqual(before);
      expect([...reasons].filter((reason) => !REASONS.test(reason))).toEqual([]);
      expect(swapper.exitCode).toBeNull();
      swapper.kill('SIGKILL');
      await once(swapper, 'exit');
    },
  );
});

/** Connects to a socket as soon as its file is there, again and again, and says how that was. */
const CLIENT = `
  import { lstatSync } from 'node:fs';
  import { connect } from 'node:net';
  const [, path] = process.argv;
  const attempt = () => new Promise((resolve) => {
    const { mode, uid, gid } = lstatSync(path);
    connect(path)
      .on('connect', function () { this.destroy(); resolve([mode & 0o777, uid, gid, 'connected'].join(' ')); })
      .on('error', (error) => resolve([mode & 0o777, uid, gid, error.code].join(' ')));
  });
  process.stdin.on('data', async () => {
    while (lstatSync(path, { throwIfNoEntry: false }) === undefined);
    console.log(await attempt());
  });
  console.log('ready');
`;

describe('the file of a socket', () => {
  it('has its mode, owner and group, and can be connected to, as soon as it is there', async (context) => {
    if (needsRoot(context)) return;
    const client = asUnprivileged(CLIENT, path);
    const lines = linesOf(client);
    await lines.next();
    const seen = new Set<string | undefined>();
    for (let times = 0; times < 150; times++) {
      client.stdin?.write('go\n');
      // At another moment of its search each time.
      for (let turns = times % 7; turns > 0; turns--) await new Promise((resolve) => setImmediate(resolve));
      const socket = await openSocket({ path }, { mode: 0o620, owner: 1, group: GROUP });
      seen.add((await lines.next()).value);
      await socket.close();
    }
    expect([...seen]).toEqual([[0o620, 1, GROUP, 'connected'].join(' ')]);
  }, 60_000);

  it('of a process that is gone is replaced without a moment in which it is missing', async () => {
    await leaveStale();
    const watcher = asUnprivileged(
      `import { lstatSync } from 'node:fs';
       const [, path] = process.argv;
       const ino = () => String(lstatSync(path, { throwIfNoEntry: false })?.ino);
       // Before 'ready': on a busy machine the file may be replaced before the loop runs.
       const seen = new Set([ino()]);
       console.log('ready');
       while (seen.size < 2) seen.add(ino());
       console.log([...seen].includes('undefined'));`,
      path,
    );
    const lines = linesOf(watcher);
    await lines.next();
    const socket = await opened();
    expect((await lines.next()).value).toBe('false');
    await socket.close();
  });

  it('is that of one of several that start at the same time, and the others are told', async () => {
    await leaveStale();
    const results = await Promise.allSettled(Array.from({ length: 20 }, () => openSocket({ path })));
    const winners = results.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    const losers = results.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []));
    onTestFinished(async () => {
      await Promise.all(winners.map((one) => one.close()));
    });
    expect(winners).toHaveLength(1);
    for (const error of losers)
      expect(String(error)).toMatch(/another process (has just taken|is listening)/);
    expect(readdirSync(shared)).toEqual(['s']);
    await connecting();
  });

  it('is made again after a start that was killed in the middle', async () => {
    const left = join(shared, '.s.new');
    mkdirSync(left, { mode: 0o700 });
    const server = await listening(join(left, 's.0123456789abcdef'));
    onTestFinished(() => void server.close());
    const socket = await opened();
    await connecting();
    await socket.close();
    expect(readdirSync(shared)).toEqual([]);
  });

  it.each<[string, () => void]>([
    ['a file', () => writeFileSync(join(shared, '.s.new'), 'mail')],
    ['a link', () => symlinkSync('/tmp', join(shared, '.s.new'))],
    ['a directory that others may write to', () => mkdirSync(join(shared, '.s.new'), { mode: 0o755 })],
    [
      'a directory with something else in it',
      () => mkdirSync(join(shared, '.s.new', 'd'), { recursive: true, mode: 0o700 }),
    ],
  ])('is not made where %s is in the way, which is told and left alone', async (_what, make) => {
    make();
    const before = lstatSync(join(shared, '.s.new')).ino;
    await expect(openSocket({ path })).rejects.toThrow(
      /a directory "\.s\.new" beside it, and something else .* remove it/,
    );
    expect(lstatSync(join(shared, '.s.new')).ino).toBe(before);
    expect(readdirSync(shared)).toEqual(['.s.new']);
  });

  it('may have a path as long as there are', async () => {
    path = join(shared, 'n'.repeat(107 - shared.length - 1));
    const socket = await opened();
    await connecting();
    await socket.close();
    expect(readdirSync(shared)).toEqual([]);
  });

  it('gets the group of a directory that hands its own on', async (context) => {
    if (needsRoot(context)) return;
    chmodSync(shared, 0o2755);
    await opened();
    expect(lstatSync(path)).toMatchObject({ uid: 0, gid: GROUP });
  });

  it('is no other in a worker thread, which may not set the umask', { timeout: 30_000 }, async () => {
    const bind = join(made, 'transport/sockets/bind.js');
    const worker = new Worker(
      `import(${JSON.stringify(bind)}).then(async ({ bindServer }) => {
         const server = require('node:net').createServer();
         await bindServer(server, { family: 'unix', path: ${JSON.stringify(path)} });
         require('node:worker_threads').parentPort.postMessage(require('node:fs').lstatSync(${JSON.stringify(path)}).mode);
         server.close();
       });`,
      { eval: true },
    );
    // Asked for beforehand: both may come in one go.
    const exit = once(worker, 'exit');
    const [mode] = (await once(worker, 'message')) as [number];
    expect(mode & 0o777).toBe(0o660);
    await exit;
    expect(existsSync(path)).toBe(false);
  });
});

/** A program that root starts, and that becomes another user between the socket and its server. */
const DROPPING = `
  const { openSocket, serve, on, accept } = await import(process.argv[1]);
  const socket = await openSocket(process.argv[2], { group: 65533 });
  process.setgroups([65533]); process.setgid(65534); process.setuid(65534);
  const server = await serve(on('connect', () => accept()), { listen: socket });
  console.log('ready');
  process.stdin.on('end', () => server.close().then(() => console.log('closed'))).resume();
`;

describe('a process that root has started and that has become another user', () => {
  it.for([
    ['removes its socket from a directory of that user', UNPRIVILEGED, 0o755, []],
    ['leaves its socket in a directory of root, where the next start replaces it', 0, 0o755, ['s']],
    ['leaves its socket in a directory where each has only its own files', 0, 0o1777, ['s']],
  ] as const)('%s', { timeout: 30_000 }, async ([, owner, mode, left], context) => {
    if (needsRoot(context)) return;
    chownSync(shared, owner, 0);
    chmodSync(shared, mode);
    for (let times = 0; times < 2; times++) {
      const child = spawn(process.execPath, ['--input-type=module', '-e', DROPPING, '--', index, path], {
        stdio: ['pipe', 'pipe', 'inherit'],
      });
      onTestFinished(() => void child.kill('SIGKILL'));
      const lines = linesOf(child);
      expect((await lines.next()).value).toBe('ready');
      expect(lstatSync(path)).toMatchObject({ uid: 0, gid: GROUP });
      await connecting();
      child.stdin.end();
      expect((await lines.next()).value).toBe('closed');
      expect(readdirSync(shared)).toEqual(left);
    }
  });
});

describe('without /proc', () => {
  const START = `
    const { bindServer } = await import(process.argv[1]);
    const { createServer } = await import('node:net');
    const { lstatSync, readdirSync } = await import('node:fs');
    const server = createServer();
    await bindServer(server, { family: 'unix', path: process.argv[2] }, { group: 65533 }).then(
      () => {
        const { mode, gid } = lstatSync(process.argv[2]);
        server.close();
        console.log((mode & 0o777).toString(8), gid);
      },
      (error) => console.log(error.message),
    );
    console.log(readdirSync(process.argv[2].slice(0, -2)).length);
  `;

  it.for([
    ['a socket is made in a directory of its own', 0, 0o755, '660 65533\n0\n'],
    ['and in one where each has only its own files', 0, 0o1777, '660 65533\n0\n'],
    ['none is made where others may write', 0, 0o775, 'mount /proc, or take a directory'],
    ['none is made in a directory of another user', UNPRIVILEGED, 0o755, 'mount /proc, or take a directory'],
  ] as const)('%s', { timeout: 30_000 }, ([, owner, mode, expected], context) => {
    if (needsRoot(context)) return;
    chownSync(join(directory, 'own'), 0, 0);
    chownSync(shared, owner, 0);
    chmodSync(shared, mode);
    const bind = join(made, 'transport/sockets/bind.js');
    const { stdout, stderr } = spawnSync(
      'unshare',
      [
        '--mount',
        'sh',
        '-c',
        'mount -t tmpfs none /proc && exec "$@"',
        'sh',
        process.execPath,
        '--input-type=module',
        '-e',
        START,
        '--',
        bind,
        path,
      ],
      { encoding: 'utf8' },
    );
    if (/unshare failed|permission denied/i.test(stderr)) {
      console.log('skipped: no file systems can be mounted here');
      context.skip('no file systems can be mounted here');
    }
    expect(stdout).toContain(expected);
  });
});

async function opened(): Promise<OpenSocket> {
  const socket = await openSocket({ path });
  onTestFinished(() => socket.close());
  return socket;
}

async function listening(at: string): Promise<Server> {
  const server = createServer();
  server.listen(at);
  await once(server, 'listening');
  return server;
}

/** What a killed process leaves. */
async function leaveStale(): Promise<void> {
  const server = await listening(join(directory, 'other'));
  // Node removes the name that it knows.
  renameSync(join(directory, 'other'), path);
  server.close();
  await once(server, 'close');
}

async function connecting(): Promise<void> {
  const socket = connect(path);
  await once(socket, 'connect');
  socket.destroy();
}
