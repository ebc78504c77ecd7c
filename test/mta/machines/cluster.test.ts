import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';

import { builtPackage, type BuiltPackage } from '../support/built-package.js';
import { describePostfix } from '../support/describe-postfix.js';
import { eventually } from '../support/eventually.js';
import { expectNothingLost } from '../support/expect-nothing-lost.js';
import { freePort } from '../support/free-port.js';
import { Program } from '../support/program.js';
import { SmtpLoad } from '../support/smtp-load.js';

const CLIENTS = 6;
const FILTER = `
import { addHeader, on } from 'rxmilter';
export default on('eom', () => addHeader('X-Filtered', \`VERSION by \${process.pid}\`));
`;

/** Opens a Unix socket as systemd does, and becomes the program. */
const LAUNCHER = `
use Socket;
use POSIX;
$^F = 9; # what is open up to that stays open
socket(my $socket, AF_UNIX, SOCK_STREAM, 0) or die 'socket';
bind($socket, pack_sockaddr_un($ARGV[0])) && chmod(0666, shift) && listen($socket, 100) or die 'listen';
POSIX::dup2(fileno($socket), 3) or die 'dup2';
@ENV{'LISTEN_FDS', 'LISTEN_PID'} = (1, $$);
exec @ARGV;
`;

/** What Postfix logs of a worker that goes while it has a connection, and of a socket that nobody has. */
const AWAY = /warning: (?:milter|connect to Milter service) inet:127\.0\.0\.1:\d+: /;

describePostfix('examples/cluster.mjs behind Postfix', (bench) => {
  let built: BuiltPackage;
  let dir: string;
  let port: number;
  beforeAll(async () => {
    built = await builtPackage();
    dir = await mkdtemp(`${tmpdir()}/rxmilter-cluster-`);
  });
  afterAll(async () => {
    await built.remove();
    await rm(dir, { recursive: true });
  });

  /** Writes the filter that workers have from now on. */
  async function deploy(version: string): Promise<void> {
    await writeFile(`${dir}/filter.mjs`, FILTER.replace('VERSION', version));
  }

  /** Runs three workers with the first version of the filter, until the end of the test. */
  async function started(socket?: string): Promise<Program> {
    await deploy('first');
    port = await freePort();
    const args = [...built.flags, 'examples/cluster.mjs', '--workers', '3', '--metrics', String(port)];
    args.push(`${dir}/filter.mjs`);
    const cluster =
      socket === undefined
        ? new Program([...args, bench().milter.inet])
        : new Program(['-e', LAUNCHER, socket, process.execPath, ...args], {}, '/usr/bin/perl');
    onTestFinished(async () => {
      await cluster.stop();
    });
    await cluster.says(/has its workers/);
    return cluster;
  }

  /** Clients that send until they are stopped, or the test ends. */
  function underLoad(listener: 'tempfail' | 'unix' = 'tempfail'): SmtpLoad {
    const load = new SmtpLoad(bench(), listener, CLIENTS);
    onTestFinished(() => load.abandon());
    return load;
  }

  function workers(cluster: Program): number[] {
    const ended = pidsIn(cluster.said(/^worker \d+ ended/));
    return pidsIn(cluster.said(/^worker \d+ serves/)).filter((pid) => !ended.includes(pid));
  }

  async function counted(name: string): Promise<number> {
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    const lines = text.split('\n').filter((line) => line.startsWith(name));
    return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
  }

  test('is restarted under load without a mail that is put off, and counts all of them', async () => {
    const cluster = await started();
    const load = underLoad();
    await load.more(60, '2');
    const old = workers(cluster);
    await deploy('second');
    cluster.signal('SIGHUP');
    await load.more(20, '2');
    await cluster.says(/^restarted/);
    await load.more(60, '2');
    await load.stop();

    await expectNothingLost(bench(), load);
    expect(load.count('2')).toBe(load.replies.size);
    await cluster.says(/^worker \d+ ended: status 0/, 3);
    expect(pidsIn(cluster.said(/^worker \d+ ended/)).sort()).toEqual(old.sort());
    const texts = bench().sink.kept.map(
      ({ data }) => /^X-Filtered: (.*)\r$/m.exec(data.toString())?.[1] ?? '',
    );
    expect(new Set(texts.map((text) => text.split(' ')[0]))).toEqual(new Set(['first', 'second']));
    await eventually(
      'all mails in the metrics',
      async () => (await counted('rxmilter_outcomes_total{stage="eom"')) === load.replies.size,
    );
    expect(await counted('rxmilter_workers')).toBe(3);
    expect(await counted('rxmilter_worker_ends_total')).toBe(3);
  });

  test('has another worker for each that is killed under load', async () => {
    bench().tolerate(AWAY);
    const cluster = await started();
    const load = underLoad();
    for (let round = 1; round <= 3; round++) {
      await load.more(30, '2');
      const [victim = 0] = workers(cluster);
      process.kill(victim, 'SIGKILL');
      await cluster.says(new RegExp(`^worker ${victim} ended: SIGKILL`));
      await cluster.says(/^worker \d+ serves/, 3 + round);
    }
    await load.more(30, '2');
    await load.stop();

    await expectNothingLost(bench(), load);
    expect(workers(cluster)).toHaveLength(3);
  });

  test('comes back when all its workers are killed at once', async () => {
    bench().tolerate(AWAY);
    const cluster = await started();
    const load = underLoad();
    await load.more(30, '2');
    for (const worker of workers(cluster)) process.kill(worker, 'SIGKILL');
    await cluster.says(/^worker \d+ serves/, 6);
    await load.more(30, '2');
    await load.stop();

    await expectNothingLost(bench(), load);
  });

  test('serves connections that are open at the restart to their end, also with new messages', async () => {
    const cluster = await started();
    const clients = [await bench().greeted('tempfail'), await bench().greeted('tempfail')];
    const [idle, busy] = clients;
    await busy?.command('MAIL FROM:<busy@src.example>');
    await deploy('second');
    cluster.signal('SIGHUP');
    await cluster.says(/^restarted/);
    await busy?.command('RSET');
    for (const client of [idle, idle, busy, await bench().greeted('tempfail')]) {
      expect(await client?.deliver({ data: 'Subject: x\r\n\r\nThe body.\r\n' })).toMatch(/^250 /);
    }
    for (const client of clients) await client.quit();
    await cluster.says(/^worker \d+ ended: status 0/, 3);

    await bench().idle();
    expect(bench().sink.kept.map(({ data }) => /^X-Filtered: (\w+)/m.exec(data.toString())?.[1])).toEqual([
      ...['first', 'first', 'first'],
      'second',
    ]);
  });

  test('keeps its workers where the new filter is broken', async () => {
    const cluster = await started();
    const old = workers(cluster);
    await writeFile(`${dir}/filter.mjs`, 'export default nonsense;');
    const load = underLoad();
    cluster.signal('SIGHUP');
    await cluster.says(/^restart given up, the others stay as they are: .*ended before it served: status 1/);
    await load.more(30, '2');
    await load.stop();

    await expectNothingLost(bench(), load);
    expect(load.count('2')).toBe(load.replies.size);
    expect(workers(cluster)).toEqual(old);
  });

  test('ends where its workers cannot serve at the start', async () => {
    await writeFile(`${dir}/filter.mjs`, 'export default nonsense;');
    const cluster = new Program([
      ...built.flags,
      'examples/cluster.mjs',
      `${dir}/filter.mjs`,
      bench().milter.inet,
    ]);
    expect(await cluster.ended()).toBe(1);
    expect(cluster.lines.join('\n')).toMatch(/Error: worker \d+ ended before it served: status 1/);
  });

  test('on an inherited socket has clients wait, and not go away, while there is no worker', async () => {
    const socket = bench().milter.unix.slice('unix:'.length);
    const cluster = await started(socket);
    const load = underLoad('unix');
    await load.more(30, '2');
    cluster.signal('SIGHUP');
    await cluster.says(/^restarted/);
    await load.more(30, '2');
    await load.stop();
    await expectNothingLost(bench(), load);
    expect(load.count('2')).toBe(load.replies.size);

    await cluster.says(/^worker \d+ ended: status 0/, 3);
    for (const worker of workers(cluster)) process.kill(worker, 'SIGKILL');
    await cluster.says(/^worker \d+ ended: SIGKILL/, 3);
    const early = await bench().greeted('unix');
    expect(await early.deliver({ data: 'Subject: early\r\n\r\nThe body.\r\n' })).toMatch(/^250 /);
    await early.quit();
    await cluster.says(/^worker \d+ serves/, 9);
    expect(existsSync(socket)).toBe(true);
    await cluster.stop();
    await rm(socket); // nobody else removes it
  });

  test('finishes the messages in progress when it is told to stop', async () => {
    bench().tolerate(AWAY);
    const cluster = await started();
    const load = underLoad();
    await load.more(60, '2');
    cluster.signal('SIGTERM');
    expect(await cluster.ended()).toBe(0);
    await load.more(10, '4');
    await load.stop();

    await expectNothingLost(bench(), load);
    expect(cluster.said(/^worker \d+ ended: status 0/)).toHaveLength(3);
  });

  test('takes its workers with it when it is killed', async () => {
    bench().tolerate(AWAY);
    const cluster = await started();
    const load = underLoad();
    await load.more(30, '2');
    const left = workers(cluster);
    await cluster.stop('SIGKILL');
    await eventually('the end of the workers', () => left.every((pid) => !existsSync(`/proc/${pid}`)));
    await load.more(10, '4');
    await load.stop();

    await expectNothingLost(bench(), load);
  });
});

function pidsIn(lines: readonly string[]): number[] {
  return lines.map((line) => Number(/\d+/.exec(line)?.[0]));
}
