import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';

import { said } from '../support/session-frames.js';
import { socketMta } from '../support/session-mta.js';
import { Activated, activation, missingForActivation } from './support/activated.js';

const missing = missingForActivation();
if (missing !== undefined) console.log(`Skipped: inherited sockets, because ${missing}.`);

function scratch(): string {
  const made = mkdtempSync(join(tmpdir(), 'rxmilter-inherited-'));
  onTestFinished(() => rmSync(made, { recursive: true }));
  return made;
}

/** Serves all sockets, and stops when it is told to. */
const SERVE = `
  const sockets = await inheritedSockets();
  const filter = on('rcpt', () => reject());
  const servers = [];
  for (const listen of sockets) servers.push(await serve(filter, { listen }));
  say({ names: sockets.map(({ name }) => name), addresses: servers.map(({ address }) => address) });
  await hear();
  for (const server of servers) await server.close();
  say('closed');`;

/** Whether an MTA is served there. */
async function served(address: string): Promise<boolean> {
  const mta = await socketMta(address);
  await mta.ask('C01');
  const answer = await mta.ask('C16');
  mta.send('C29');
  await mta.closed;
  return JSON.stringify(answer) === JSON.stringify(said('R05'));
}

interface Said {
  readonly names: readonly string[];
  readonly addresses: readonly string[];
}

describe.skipIf(missing !== undefined)('An inherited socket', () => {
  const { start, argv } = activation();

  it('serves MTAs, over TCP or on a Unix socket, under the name that it was given', async () => {
    const path = join(scratch(), 'filter.sock');
    const open = `opened(AF_INET, SOCK_STREAM, inet(), 1);
      opened(AF_UNIX, SOCK_STREAM, pack_sockaddr_un('${path}'), 1);
      opened(AF_INET6, SOCK_STREAM, pack_sockaddr_in6(0, inet_pton(AF_INET6, '::')), 1);
      @ENV{'LISTEN_FDS', 'LISTEN_FDNAMES'} = (3, 'mail:local.socket:six')`;
    const program = start(open, SERVE);
    const { names, addresses } = (await program.says()) as Said;
    expect(names).toEqual(['mail', 'local.socket', 'six']);
    expect(addresses).toEqual([
      expect.stringMatching(/^inet:[1-9]\d*@127\.0\.0\.1$/),
      `unix:${path}`,
      expect.stringMatching(/^inet6:[1-9]\d*@::$/),
    ]);
    expect(await served(addresses[0] ?? '')).toBe(true);
    expect(await served(addresses[1] ?? '')).toBe(true);
    program.tell('stop');
    expect(await program.says()).toBe('closed');
    // It is systemd's, and goes on to be.
    expect(existsSync(path)).toBe(true);
  });

  it('goes on to take connections when its server has stopped, for the next process', async () => {
    const path = join(scratch(), 'filter.sock');
    const open = `opened(AF_UNIX, SOCK_STREAM, pack_sockaddr_un('${path}'), 1); $ENV{LISTEN_FDS} = 1; $| = 1`;
    // Like systemd: stays, and starts another one when the first has gone.
    const twice = `for (1, 2) { my $pid = fork; if (!$pid) { $ENV{LISTEN_PID} = $$; exec @ARGV } waitpid $pid, 0 }`;
    const programs = start(open, SERVE, twice);
    await programs.says();
    expect(await served(`unix:${path}`)).toBe(true);
    programs.tell('stop');
    expect(await programs.says()).toBe('closed');
    const waiting = await socketMta(`unix:${path}`);
    waiting.send('C01');
    expect(await programs.says()).toEqual({ names: ['unknown'], addresses: [`unix:${path}`] });
    await waiting.hears(1);
    expect(await waiting.ask('C16')).toEqual(said('R05'));
    waiting.send('C29');
    programs.tell('stop');
    expect(await programs.says()).toBe('closed');
  });

  it('keeps an MTA waiting until there is a filter', async () => {
    const path = join(scratch(), 'filter.sock');
    const open = `opened(AF_UNIX, SOCK_STREAM, pack_sockaddr_un('${path}'), 1); $ENV{LISTEN_FDS} = 1`;
    const program = start(
      open,
      `const [listen] = await inheritedSockets();
       say(listen.address);
       say(await serve(on('rcpt', () => reject()), { listen, mode: 0o600 }).catch((error) => error.message));
       await hear();
       const server = await serve(on('rcpt', () => reject()), { listen });
       await hear();
       await server.close();`,
    );
    expect(await program.says()).toBe(`unix:${path}`);
    expect(await program.says()).toBe(
      `mode: the socket unix:${path} is open already. Set it in the socket unit ` +
        '(SocketMode=, SocketUser=, SocketGroup=), or give it to inheritedSockets() (backlog).',
    );
    const mta = await socketMta(`unix:${path}`);
    mta.send('C01', 'C16');
    program.tell('serve');
    expect((await mta.hears(2)).slice(1)).toEqual(said('R05'));
    mta.send('C29');
    program.tell('stop');
    await program.exited;
  });

  it('is for this process alone: what it starts gets neither the socket nor the variables', async () => {
    const open = `opened(AF_INET, SOCK_STREAM, inet(), 1); $ENV{LISTEN_FDS} = 1; $ENV{LISTEN_FDNAMES} = 'x'`;
    const program = start(
      open,
      `import { spawnSync } from 'node:child_process';
       const [socket] = await inheritedSockets();
       const { stdout } = spawnSync('sh', ['-c', 'env | grep ^LISTEN_; test -e /proc/self/fd/3 && echo 3'], { encoding: 'utf8' });
       say({ name: socket.name, children: stdout, again: await inheritedSockets() });`,
    );
    expect(await program.says()).toEqual({ name: 'x', children: '', again: [] });
  });

  it('is missing where the process was not started for it', async () => {
    const open = `opened(AF_INET, SOCK_STREAM, inet(), 1); $ENV{LISTEN_FDS} = 1`;
    const program = start(
      open,
      'say({ sockets: await inheritedSockets(), left: process.env.LISTEN_FDS ?? null })',
      '$ENV{LISTEN_PID} = $$ + 1; exec @ARGV',
    );
    expect(await program.says()).toEqual({ sockets: [], left: null });
  });

  it('is taken by its name, and others are left alone', async () => {
    const open = `opened(AF_INET, SOCK_DGRAM, inet(), 0); opened(AF_INET, SOCK_STREAM, inet(), 1);
      @ENV{'LISTEN_FDS', 'LISTEN_FDNAMES'} = (2, 'log:mail')`;
    const program = start(
      open,
      `say(await inheritedSockets({ name: 'mali' }).catch((error) => error.message));
       const [socket, ...more] = await inheritedSockets({ name: 'mail' });
       say([socket.name, more.length]);
       say(await inheritedSockets({ name: 'mail' }).catch((error) => error.message));
       say(await inheritedSockets().catch((error) => error.message));`,
    );
    expect(await program.says()).toBe(
      'Cannot take the inherited socket "mali": there are "log", "mail". ' +
        'Write one of these, or FileDescriptorName= into the socket unit.',
    );
    expect(await program.says()).toEqual(['mail', 0]);
    expect(await program.says()).toMatch(/"mail": there are "log"\./);
    expect(await program.says()).toMatch(
      /^Cannot take the inherited socket fd 3 \("log"\): it is a udp socket; /,
    );
  });

  it('is refused where no MTA could be served by it, in words that say what to do', async () => {
    const path = (name: string): string => join(directory, name);
    const directory = scratch();
    const kinds: [name: string, open: string, message: RegExp][] = [
      ['file', `open($f, '<', '/etc/passwd'); push @kept, $f`, /^it is no socket; use ListenStream=/],
      ['fifo', `pipe($r, $w); push @kept, $r, $w`, /^it is no socket; use ListenStream=/],
      ['fifo2', '', /^it is no socket/],
      ['udp', `opened(AF_INET, SOCK_DGRAM, inet(), 0)`, /^it is a udp socket; use ListenStream=/],
      [
        'dgram',
        `opened(AF_UNIX, SOCK_DGRAM, pack_sockaddr_un('${path('dgram')}'), 0)`,
        /^it is a unix datagram socket; use ListenStream=/,
      ],
      [
        'seq',
        `opened(AF_UNIX, SOCK_SEQPACKET, pack_sockaddr_un('${path('seq')}'), 1)`,
        /^it is a unix sequenced-packet socket; use ListenStream=/,
      ],
      [
        'bound',
        `opened(AF_UNIX, SOCK_STREAM, pack_sockaddr_un('${path('bound')}'), 0)`,
        /^it does not listen; who hands it over has to call listen\(\)/,
      ],
      ['unbound', `opened(AF_INET, SOCK_STREAM, undef, 0)`, /^it does not listen; who hands it over/],
      ['boundtcp', `opened(AF_INET, SOCK_STREAM, inet(), 0)`, /^it does not listen; who hands it over/],
      [
        'pair',
        `socketpair($a, $b, AF_UNIX, SOCK_STREAM, 0); push @kept, $a, $b`,
        /^it is a connection and .*; write Accept=no/,
      ],
      ['pair2', '', /^it is a connection/],
      [
        'tcp',
        `$l = opened(AF_INET, SOCK_STREAM, inet(), 1); socket($c, AF_INET, SOCK_STREAM, 0); push @kept, $c;
         connect($c, getsockname($l)) or die $!`,
        /^nothing is wrong/,
      ],
      ['connected', '', /^it is a connection and .*; write Accept=no/],
      [
        'closed',
        '',
        /^there is no such file descriptor \(EBADF\); what stands between systemd and this process/,
      ],
    ];
    // What Node opens for itself takes the first numbers that are free: far behind them there is nothing.
    const gap = Array.from({ length: 80 }, () => 'gap');
    const names = kinds.flatMap(([name]) => (name === 'closed' ? [...gap, name] : [name]));
    const open = kinds.map(([, code]) => code).join(';\n');
    const program = start(
      `${open}; @ENV{'LISTEN_FDS', 'LISTEN_FDNAMES'} = (${names.length}, '${names.join(':')}')`,
      `const said = {};
       for (const name of ${JSON.stringify(kinds.map(([name]) => name))}) {
         await inheritedSockets({ name }).then(
           () => (said[name] = 'nothing is wrong'),
           (error) => (said[name] = error.name + error.message.replace(/^.*?: /, ': ')),
         );
       }
       say(said);`,
    );
    const said = (await program.says()) as Record<string, string>;
    for (const [name, , message] of kinds) {
      const text = said[name]?.replace(/^ListenError: /, '');
      expect([name, text]).toEqual([name, expect.stringMatching(message)]);
    }
  });

  it('that is wrong takes none of the others along: they are closed', async () => {
    const open = `opened(AF_INET, SOCK_STREAM, inet(), 1); open($f, '<', '/etc/passwd'); push @kept, $f; $ENV{LISTEN_FDS} = 2`;
    const program = start(
      open,
      `import { existsSync } from 'node:fs';
       say(await inheritedSockets().catch((error) => error.message));
       say(['3', '4'].map((fd) => existsSync('/proc/self/fd/' + fd)));`,
    );
    expect(await program.says()).toMatch(/fd 4 \("unknown"\): it is no socket/);
    expect(await program.says()).toEqual([false, true]);
  });

  const alone = spawnSync('unshare', ['-n', 'true']).status === 0;
  if (!alone) console.log('Skipped: sockets of another network, because no network can be made here.');

  it.skipIf(!alone)('works in a service without a network of its own (PrivateNetwork=yes)', async () => {
    const path = join(scratch(), 'filter.sock');
    const open = `opened(AF_INET, SOCK_STREAM, inet(), 1);
      opened(AF_UNIX, SOCK_STREAM, pack_sockaddr_un('${path}'), 1); $ENV{LISTEN_FDS} = 2`;
    const program = start(open, SERVE, `$ENV{LISTEN_PID} = $$; exec 'unshare', '-n', @ARGV`);
    const { addresses } = (await program.says()) as Said;
    // The kernel shows paths of its own network only.
    expect(addresses[1]).toBe('unix:[fd 4]');
    expect(await served(addresses[0] ?? '')).toBe(true);
    expect(await served(`unix:${path}`)).toBe(true);
    program.tell('stop');
    expect(await program.says()).toBe('closed');
  });

  const tool = spawnSync('systemd-socket-activate', ['--version']).status === 0;
  if (!tool) console.log('Skipped: systemd-socket-activate, because it is not installed.');

  it.skipIf(!tool)('comes from systemd itself', async () => {
    const path = join(scratch(), 'filter.sock');
    const child = spawn('systemd-socket-activate', ['-l', path, '--fdname=mail', ...argv(SERVE)], {
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    // It says when it listens, and starts the program with the first connection.
    await new Promise<void>((resolve) => {
      child.stderr.on('data', (text: Buffer) => {
        if (text.includes('Listening on')) resolve();
      });
    });
    const program = new Activated(child);
    const mta = await socketMta(`unix:${path}`);
    expect(await program.says()).toEqual({ names: ['mail'], addresses: [`unix:${path}`] });
    await mta.ask('C01');
    expect(await mta.ask('C16')).toEqual(said('R05'));
    mta.send('C29');
    program.tell('stop');
    expect(await program.says()).toBe('closed');
  });
});
