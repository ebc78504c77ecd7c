import { existsSync, mkdirSync, readFileSync, realpathSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Subject } from 'rxjs';
import type { Filter } from 'rxmilter';
import { deliver, type Delivery } from 'rxmilter/mta';
import { readRecording } from 'rxmilter/recording';
import { describe, expect, onTestFinished, test } from 'vitest';

import { runCli, startCli, type CliResult, type RunningCli } from './support/run-cli.js';
import { scratch } from './support/scratch.js';

const FIXTURES = join(import.meta.dirname, 'fixtures');

interface Served {
  readonly running: RunningCli;
  readonly address: string;
}

/** Serves a module of the fixtures on a free port until the end of the test. */
async function served(module: string, ...options: readonly string[]): Promise<Served> {
  const running = startCli(['serve', '--listen', 'inet:0@127.0.0.1', ...options, join(FIXTURES, module)]);
  onTestFinished(async () => {
    running.stop();
    await running.result;
  });
  const [, address = ''] = await running.said(/^Listening on (\S+)\n/);
  return { running, address };
}

/** Gives it a message. */
function mailTo(to: string, recipient = 'bob@example.org'): Promise<Delivery> {
  return deliver(
    { sender: 'ann@example.com', recipients: [recipient], headers: [['Subject', 'Hi']], body: 'Hello\n' },
    { to },
  );
}

function added({ headers }: Delivery): string | undefined {
  return headers.find(({ name }) => name === 'X-Filter')?.value;
}

async function ended({ running }: Served): Promise<CliResult> {
  running.stop();
  return running.result;
}

describe('rxmilter serve', () => {
  test('says that a socket on all IPv6 addresses takes IPv4, too', async (context) => {
    if (!existsSync('/proc/net/if_inet6')) {
      console.log('skipped: this machine has no IPv6');
      return context.skip('this machine has no IPv6');
    }
    const running = startCli(['serve', '--listen', 'inet6:0@::', join(FIXTURES, 'filter.mjs')]);
    const [, port = ''] = await running.said(/^Listening on inet6:(\d+)@:: \(also for IPv4\)\n/);
    expect(added(await mailTo(`inet:${port}@127.0.0.1`))).toBe('one');
    running.stop();
    await running.result;
  });

  test('serves a filter, says where, and ends with 0 when it is told to', async () => {
    const server = await served('filter.mjs');
    expect(added(await mailTo(server.address))).toBe('one');
    expect((await mailTo(server.address, 'unknown@example.org')).reply).toMatchObject({
      code: 550,
      lines: ['No such user'],
    });
    const { status, stdout, stderr } = await ended(server);
    expect([status, stdout]).toEqual([0, `Listening on ${server.address}\n`]);
    expect(stderr).toMatch(/^Stopping\..*\n$/);
    expect((await mailTo(server.address)).failure).toMatchObject({ kind: 'connect' });
  });

  test('writes a line for each message that is over, where it is told to', async () => {
    const server = await served('filter.mjs', '--log');
    await mailTo(server.address);
    await mailTo(server.address, 'unknown@example.org');
    const { stdout } = await ended(server);
    const [, passed, refused] = stdout.split('\n');
    expect(passed).toMatch(
      /^\d{4}-\S+Z; \S+; accepted; from <ann@example\.com>; to <bob@example\.org>; client \S+\[\S+\]; \d+ rounds; [\d.]+ ms; addHeader$/,
    );
    expect(refused).toMatch(
      /; refused at rcpt; .*; to <unknown@example\.org> refused; .*; 550 5\.7\.1 No such user$/,
    );
  });

  test('writes these lines as JSON, in which nothing of the mail breaks out of its line', async () => {
    const server = await served('filter.mjs', '--log', '--json');
    await mailTo(server.address, 'unknown@example.org');
    const { stdout } = await ended(server);
    const [, line = ''] = stdout.split('\n');
    expect(JSON.parse(line)).toMatchObject({
      client: expect.any(String) as string,
      sender: 'ann@example.com',
      recipients: [{ address: 'unknown@example.org', result: 'refused', text: '550 5.7.1 No such user' }],
      result: 'refused',
      stage: 'rcpt',
      changes: [],
    });
    const { status, stderr } = await runCli([
      'serve',
      '--listen',
      'inet:0@127.0.0.1',
      '--json',
      'filter.mjs',
    ]);
    expect([status, stderr]).toEqual([
      2,
      expect.stringContaining('--json is about the lines of --log: give both.'),
    ]);
  });

  test('lets Prometheus read metrics, where it is told to', async () => {
    const server = await served('filter.mjs', '--metrics', 'inet:0@127.0.0.1');
    const [, port = ''] = await server.running.said(/^Metrics on inet:(\d+)@127\.0\.0\.1\n/m);
    const read = async (path: string): Promise<[number, string]> => {
      const response = await fetch(`http://127.0.0.1:${port}${path}`);
      return [response.status, await response.text()];
    };
    await mailTo(server.address);
    await mailTo(server.address);
    await mailTo(server.address, 'unknown@example.org');
    const [status, text] = await read('/metrics');
    expect(status).toBe(200);
    expect(text).toContain('rxmilter_message_duration_seconds_count{result="accepted"} 2\n');
    expect(text).toContain('rxmilter_message_duration_seconds_count{result="refused"} 1\n');
    expect(text).toContain('rxmilter_errors_total 0\n');
    expect(text).toContain('process_resident_memory_bytes');
    expect((await read('/'))[0]).toBe(404);
    await ended(server);
    await expect(read('/metrics')).rejects.toThrow();
  });

  test('counts errors, and says them as ever', async () => {
    const server = await served('fails.mjs', '--metrics', 'inet:0@127.0.0.1');
    const [, port = ''] = await server.running.said(/^Metrics on inet:(\d+)@127\.0\.0\.1\n/m);
    await mailTo(server.address);
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    expect(text).toContain('rxmilter_errors_total 1\n');
    expect(text).toContain('rxmilter_message_duration_seconds_count{result="deferred"} 1\n');
    expect((await ended(server)).stderr).toContain('The filter failed at stage');
  });

  test.each([
    ['9464', 'inet:9464'],
    ['inet:0@192.0.2.1', '192.0.2.1 is not an address of this machine'],
  ])('does not start where metrics cannot be read: %s', async (where, words) => {
    const { status, stderr } = await runCli([
      'serve',
      '--listen',
      'inet:0@127.0.0.1',
      '--metrics',
      where,
      join(FIXTURES, 'filter.mjs'),
    ]);
    expect([status, stderr]).toEqual([1, expect.stringContaining(words)]);
  });

  test('serves what a function without parameters returns, later', async () => {
    const { address } = await served('later.mjs');
    expect(added(await mailTo(address))).toBe('later');
  });

  test('serves an operator that the user has written', async () => {
    const { address } = await served('operator.mjs');
    expect((await mailTo(address)).reply).toMatchObject({ code: 550, lines: ['operator'] });
  });

  test('serves each new connection the newest of an Observable of filters', async () => {
    const { address } = await served('stream.mjs');
    const module = (await import('./fixtures/stream.mjs')) as { filters: Subject<Filter>; second: Filter };
    expect(added(await mailTo(address))).toBe('first');
    module.filters.next(module.second);
    expect(added(await mailTo(address))).toBe('second');
  });

  test('tells of a filter that gets another copy of the package', async () => {
    const cwd = scratch({ 'filter.mjs': 'export default (source) => source;\n' });
    const copy = join(cwd, 'node_modules', 'rxmilter');
    mkdirSync(copy, { recursive: true });
    writeFileSync(join(copy, 'package.json'), '{ "name": "rxmilter", "version": "0.0.1" }\n');
    const running = startCli(['serve', '--listen', 'inet:0@127.0.0.1', 'filter.mjs'], { cwd });
    await running.said(/^Listening on /);
    running.stop();
    const { status, stderr } = await running.result;
    expect(status).toBe(0);
    expect(stderr.split('\n')[0]).toContain(`filter.mjs gets the rxmilter in ${realpathSync(copy)}, and`);
  });

  test('says of an error whose it was and where in the filter it comes from', async () => {
    const server = await served('fails.mjs');
    const { outcome, reply, transcript } = await mailTo(server.address);
    expect([outcome, reply.code]).toEqual(['deferred', 451]);
    // The options of the module count: it asks for one macro instead of those that are usual.
    expect(transcript.flatMap(({ sent }) => sent)).toContainEqual(
      expect.objectContaining({ type: 'macro', target: 'R', macros: [['{rcpt_addr}', 'bob@example.org']] }),
    );
    const { stderr } = await ended(server);
    expect(stderr.split('\n')[0]).toMatch(
      /^session \w+, client 192\.0\.2\.1, from <ann@example\.com>, to <bob@example\.org>: The filter failed at stage rcpt: Cannot read properties of undefined .*\(at fails\.mjs:\d+:\d+\)$/,
    );
    expect(stderr.trimEnd().split('\n')).toHaveLength(2);
  });

  test.each([
    ['reject', 'refused', 550],
    ['tempfail', 'deferred', 451],
    ['accept', 'delivered', 250],
  ])('gives an event whose filter failed what --failure %s says', async (failure, outcome, code) => {
    const { address } = await served('fails.mjs', '--failure', failure);
    expect(await mailTo(address)).toMatchObject({ outcome, reply: { code } });
  });

  test('makes a Unix socket with the mode and the group that it is told', async () => {
    const directory = scratch();
    const socket = join(directory, 's');
    const group = String(process.getgid?.() ?? 0);
    const running = startCli([
      ...['serve', '--listen', `unix:${socket}`, '--mode', '600', '--group', group],
      join(FIXTURES, 'filter.mjs'),
    ]);
    await running.said(/Listening on unix:/);
    const { mode, gid } = statSync(socket);
    expect([mode & 0o777, String(gid)]).toEqual([0o600, group]);
    expect(added(await mailTo(`unix:${socket}`))).toBe('one');
    running.stop();
    expect((await running.result).status).toBe(0);
    expect(existsSync(socket)).toBe(false);
  });

  test('records what goes over the wire, without what is to be left out', async () => {
    const file = join(scratch(), 'mail.jsonl');
    const server = await served('filter.mjs', '--record', file, '--redact', 'addresses,content');
    await mailTo(server.address);
    await ended(server);
    const text = readFileSync(file, 'utf8');
    const { sessions, truncated } = readRecording(text);
    expect([sessions.length, truncated]).toEqual([1, []]);
    const types = sessions[0]?.frames.map(({ message }) => message.type);
    expect(types?.filter((type) => type !== 'macro').slice(0, 3)).toEqual(['optneg', 'optneg', 'connect']);
    expect(text).not.toContain('bob@example.org');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const again = await served('filter.mjs', '--record', file);
    await mailTo(again.address);
    await ended(again);
    expect(readRecording(readFileSync(file)).sessions).toHaveLength(2);
  });

  test('lets a message in progress finish when it is told to stop', async () => {
    const { message } = await import('./fixtures/slow.mjs');
    const begun = new Promise<undefined>((resolve) => {
      message.begun = () => {
        resolve(undefined);
        return undefined;
      };
    });
    const server = await served('slow.mjs');
    const delivery = mailTo(server.address);
    await begun;
    const end = ended(server);
    message.end();
    expect((await delivery).outcome).toBe('delivered');
    expect((await end).status).toBe(0);
  });

  test('ends at once when it is told to stop a second time', async () => {
    const never = scratch({
      'never.mjs': 'export default (source) => { begun(); return source; }; function begun() {}\n',
    });
    const running = startCli(['serve', '--listen', 'inet:0@127.0.0.1', join(never, 'never.mjs')]);
    const [, address = ''] = await running.said(/^Listening on (\S+)\n/);
    const { MtaConnection } = await import('../../src/mta/index.js');
    const connection = await MtaConnection.open(address);
    await connection.ask({ type: 'mail', address: '<a@b>', args: [] });
    running.stop();
    running.stop();
    const { status } = await running.result;
    expect(status).toBe(0);
    await expect(connection.ask({ type: 'rcpt', address: '<a@b>', args: [] })).rejects.toMatchObject({
      kind: 'disconnect',
    });
  });

  test.each([
    ['throws.mjs', "throw new TypeError('no config');\n", /failed while it was loaded: .*no config/],
    [
      'none.mjs',
      'export const filter = 1;\n',
      /has no default export, it exports only filter\. Write: export/,
    ],
    ['empty.mjs', '\n', /has no default export, it exports nothing\./],
    ['object.mjs', 'export default {};\n', /its default export is an object\. It has to be a filter/],
    ['returns.mjs', 'export default () => 7;\n', /its default export returned a number\. It has to be/],
    [
      'rejects.mjs',
      "export default async () => { throw new Error('database is away'); };\n",
      /failed while it was asked for its filter: .*database is away \(at rejects\.mjs:1:\d+\)/,
    ],
    [
      'options.mjs',
      'export default (x) => x;\nexport const options = 3;\n',
      /its export "options": the options are 3; they have to be an object\./,
    ],
    [
      'version.mjs',
      'export default (x) => x;\nexport const options = { version: 9 };\n',
      /its export "options": version is 9; it has to be a whole number from 2 to 6\./,
    ],
  ])('says of %s in a line what is wrong with it', async (name, text, problem) => {
    const result = await runCli(['serve', '--listen', 'inet:0@127.0.0.1', name], {
      cwd: scratch({ [name]: text }),
    });
    expect([result.status, result.stdout]).toEqual([1, '']);
    expect(result.stderr).toMatch(problem);
    expect(result.stderr).toContain(name === 'version.mjs' ? 'rxmilter serve: ' : name);
    expect(result.stderr.trimEnd().split('\n')).toHaveLength(1);
  });

  test.each([
    [['--listen', 'inet:0@127.0.0.1', 'nowhere.mjs'], 1, 'Cannot load nowhere.mjs: there is no such file.'],
    [['--listen', 'inet:0@127.0.0.1', '.'], 1, 'Cannot load .: there is no such file.'],
    [['--listen', 'nonsense', 'ok.mjs'], 1, "Cannot use 'nonsense' as an endpoint"],
    [['--listen', 'unix:/nowhere/s', 'ok.mjs'], 1, 'the directory /nowhere does not exist'],
    [['--listen', 'inet:0@127.0.0.1', '--record', 'no/x', 'ok.mjs'], 1, 'Cannot record in no/x: there is no'],
    [['--listen', 'unix:/tmp/rxmilter-no-such', '--group', 'no-such', 'ok.mjs'], 1, "has no group 'no-such'"],
    [['--listen', 'inet:0@127.0.0.1', '--mode', '999', 'ok.mjs'], 2, '--mode 999: no permissions in octal'],
    [
      ['--listen', 'inet:0@127.0.0.1', '--failure', 'x', 'ok.mjs'],
      2,
      '--failure x: use tempfail, reject, accept.',
    ],
    [['--listen', 'inet:0@127.0.0.1', '--redact', 'content', 'ok.mjs'], 2, 'say where to record'],
    [
      ['--listen', 'inet:0@127.0.0.1', '--record', 'r', '--redact', 'all', 'ok.mjs'],
      2,
      '--redact all: use addresses, content or addresses,content.',
    ],
  ])('says of %j what is wrong with it', async (argv, status, problem) => {
    const cwd = scratch({ 'ok.mjs': 'export default (x) => x;\n' });
    const result = await runCli(['serve', ...argv], { cwd });
    expect([result.status, result.stdout]).toEqual([status, '']);
    expect(result.stderr).toContain(problem);
    expect(result.stderr.trimEnd().split('\n')).toHaveLength(1);
  });
});
