import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { observe, serve, type MilterServer, type Outcome, MilterError } from 'rxmilter';
import { describe, expect, test, vi } from 'vitest';

import { resolveRemote } from '../../src/mta/remote/remote-options.js';
import { resolveOptions } from '../../src/session/options.js';
import { ROOT, snippet, tableBelow } from './support/markdown.js';
import { runSnippet } from './support/run-snippet.js';
import { added, senderTo } from './support/serving.js';
import { temporaryDirectory } from './support/temporary-directory.js';

const PAGE = 'docs/deployment.md';
const SYSTEMD = '/usr/bin/systemd-analyze';
const HAPROXY = '/usr/sbin/haproxy';

/** Why a program of somebody else cannot be asked here; nothing where it can. */
function missing(program: string, ...args: string[]): boolean {
  if (spawnSync(program, args).status === 0) return false;
  console.info(`Not all of docs/deployment.md is checked: ${program} is not installed.`);
  return true;
}

const withoutSystemd = missing(SYSTEMD, '--version');
const withoutHaproxy = missing(HAPROXY, '-v');

/** The settings of a unit of systemd, by name; the last of several. */
function settingsOf(unit: string): Record<string, string> {
  const lines = snippet(unit).code.matchAll(/^(\w+)=(.*)$/gm);
  return Object.fromEntries([...lines].map(([, name = '', value = '']) => [name, value]));
}

/** What `systemd-analyze verify` says against units; `change` is made in their text. */
async function verified(change: (text: string) => string = (text) => text): Promise<string> {
  const directory = await temporaryDirectory();
  const units = { 'my-filter.service': 'systemd-service', 'my-filter.socket': 'systemd-socket' };
  const files = Object.keys(units).map((name) => `${directory}/${name}`);
  for (const [name, block] of Object.entries(units)) {
    // It looks whether the program is there.
    const text = snippet(block).code.replace('/usr/bin/node', process.execPath);
    await writeFile(`${directory}/${name}`, change(text));
  }
  const { status, stderr } = spawnSync(SYSTEMD, ['verify', '--man=no', ...files], { encoding: 'utf8' });
  return status === 0 ? stderr : `status ${String(status)}\n${stderr}`;
}

describe('the program of the page on deployment', () => {
  test('deploy-server: listens where it is told to, and stops at SIGTERM', async () => {
    const once = vi.fn<(signal: string, act: () => void) => void>();
    const log = vi.fn();
    const { server } = await runSnippet<{ server: MilterServer }>('deploy-server', {
      process: { env: { LISTEN: 'inet:0@127.0.0.1' }, once },
      console: { log },
    });
    expect(added(await senderTo(server)())).toEqual(['X-Filtered: yes']);
    expect(log).toHaveBeenCalledWith(`Listening on ${server.address}`);

    const [, stop] = once.mock.calls.find(([signal]) => signal === 'SIGTERM') ?? [];
    stop?.();
    await server.close();
    await expect(
      runSnippet('deploy-health', { process: { argv: ['', '', server.address] } }),
    ).rejects.toThrow(MilterError);
  });

  test('deploy-health: passes without a trace in the filter', async () => {
    const outcomes: Outcome[] = [];
    const errors: Error[] = [];
    const seen = vi.fn();
    await using server = await serve(observe('connect', seen), {
      listen: 'inet:0@127.0.0.1',
      onError: (error) => errors.push(error),
    });
    server.outcomes.subscribe((outcome) => outcomes.push(outcome));
    await runSnippet('deploy-health', { process: { argv: ['', '', server.address] } });
    await server.close();

    expect({ outcomes, errors }).toEqual({ outcomes: [], errors: [] });
    expect(seen).not.toHaveBeenCalled();
  });
});

describe('the units of systemd', () => {
  test.skipIf(withoutSystemd)('are found right by systemd', { timeout: 60_000 }, async () => {
    expect(await verified()).toBe('');
    expect(await verified((text) => text.replace('KillMode=mixed', 'KillMode=mixt'))).toContain('mixt');
  });

  test.skipIf(withoutSystemd)('leave the process few rights', { timeout: 60_000 }, async () => {
    const file = `${await temporaryDirectory()}/my-filter.service`;
    await writeFile(file, snippet('systemd-service').code.replace('/usr/bin/node', process.execPath));
    const { stdout, stderr } = spawnSync(SYSTEMD, ['security', '--offline=yes', '--no-pager', file], {
      encoding: 'utf8',
    });
    const [, exposure = `none: ${stderr}`] = /Overall exposure level for \S+ (\d+\.\d+)/.exec(stdout) ?? [];
    // systemd calls it "OK" up to 4, and "UNSAFE" from 9 on.
    expect(Number(exposure)).toBeLessThan(2.5);
  });

  test('give the process longer to stop than it takes', () => {
    const { drain } = /drainTimeout: (?<drain>[\d_]+)/.exec(snippet('deploy-server').code)?.groups ?? {};
    const milliseconds = Number(settingsOf('systemd-service').TimeoutStopSec) * 1000;
    expect(milliseconds).toBeGreaterThan(Number(drain?.replace('_', '')) + 1000);
  });

  test('do not keep Node from compiling', () => {
    expect(settingsOf('systemd-service')).not.toHaveProperty('MemoryDenyWriteExecute');
  });

  test('do not have the service remove the directory of the socket', () => {
    const { RuntimeDirectory: directory = '' } = settingsOf('systemd-service');
    expect(settingsOf('systemd-socket').ListenStream).not.toContain(`/run/${directory}/`);
  });
});

describe('the other settings of the page on deployment', () => {
  test.skipIf(withoutHaproxy)('haproxy: is found right by HAProxy', async () => {
    const file = `${await temporaryDirectory()}/haproxy.cfg`;
    const check = (): { status: number | null; stderr: string } =>
      spawnSync(HAPROXY, ['-c', '-f', file], { encoding: 'utf8' });
    await writeFile(file, snippet('haproxy').code);
    expect(check()).toMatchObject({ status: 0, stderr: '' });
    await writeFile(file, snippet('haproxy').code.replace('option redispatch', 'option redispach'));
    expect(check().stderr).toContain('redispach');
  });

  test('haproxy: waits longer than the filter', () => {
    const hours = [...snippet('haproxy').code.matchAll(/timeout (?:client|server) +(\d+)h$/gm)];
    expect(hours).toHaveLength(2);
    for (const [, count] of hours)
      expect(Number(count) * 3_600_000).toBeGreaterThan(resolveOptions({}).timeouts.idle);
  });

  test('dockerfile: has instructions that there are, and the programs of the page', () => {
    const { code } = snippet('dockerfile');
    const known = 'FROM WORKDIR COPY RUN ENV USER EXPOSE STOPSIGNAL HEALTHCHECK CMD'.split(' ');
    const lines = code.trimEnd().split('\n');
    expect(lines.map((line) => line.split(' ')[0])).toEqual(expect.arrayContaining(known));
    for (const line of lines) expect(known).toContain(line.split(' ')[0]);
    const commands = [...code.matchAll(/\bCMD (\[.*\])$/gm)].map(
      ([, list = '']) => JSON.parse(list) as string[],
    );
    expect(commands).toEqual([
      ['node', 'health.mjs'],
      ['node', 'server.mjs'],
    ]);
    const copied = /^COPY (server.*) \.\/$/m.exec(code)?.[1]?.split(' ');
    expect(copied).toEqual(['server.mjs', 'health.mjs']);
  });

  test('time-outs: the defaults are those of the code', () => {
    const { reply, progress, eom } = resolveOptions({}).timeouts;
    const { command, eom: remote } = resolveRemote('inet:1@127.0.0.1', {}).timeouts;
    const rows = tableBelow(PAGE, 'Time-outs').map((row) => Object.values(row)[1]);
    const seconds = (time: number): string => `${time / 1000} s`;
    expect(rows).toEqual([
      seconds(reply),
      seconds(progress),
      seconds(eom),
      `${seconds(command)}, ${seconds(remote)}`,
    ]);
  });

  test('what to watch: the metrics are those of the example', () => {
    const example = readFileSync(`${ROOT}examples/metrics-counts.mjs`, 'utf8');
    const named = tableBelow(PAGE, 'What to watch').flatMap(({ Metric = '' }) => Metric.split(', '));
    const ours = named.filter((name) => name.startsWith('rxmilter_'));
    expect(ours).toHaveLength(4);
    for (const name of ours) expect(example).toContain(`name: '${name}'`);
  });

  test('sizing: the figures are those of the benchmark', () => {
    const results = readFileSync(`${ROOT}bench/README.md`, 'utf8').replaceAll('\n', ' ');
    const [, memory = 'nothing'] = /Memory per idle connection.*?rxmilter ([\d.]+ KiB)/.exec(results) ?? [];
    expect(JSON.stringify(tableBelow(PAGE, 'Sizing'))).toContain(`${memory} for each idle`);
  });
});
