import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

import { runCli } from './support/run-cli.js';

const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };

describe('rxmilter', () => {
  test.each([['--version'], ['-V']])('says its version at %s', async (option) => {
    expect(await runCli([option])).toMatchObject({ status: 0, stdout: `${version}\n`, stderr: '' });
  });

  test.each([[['--help']], [['-h']], [['help']]])('shows its commands at %j', async (argv) => {
    const { status, stdout, stderr } = await runCli(argv);
    expect([status, stderr]).toEqual([0, '']);
    for (const name of ['send', 'serve', 'replay']) expect(stdout).toMatch(new RegExp(`^  ${name} `, 'm'));
  });

  describe.each(['send', 'serve', 'replay'])('%s', (name) => {
    test('shows its options at --help, whatever else is there', async () => {
      const { status, stdout, stderr } = await runCli([name, '--nonsense', '--help']);
      expect([status, stderr]).toEqual([0, '']);
      expect(stdout).toContain(`Usage: rxmilter ${name} `);
      expect(stdout).toContain('\nExamples:\n');
      expect(stdout).toBe((await runCli(['help', name])).stdout);
      for (const line of stdout.split('\n')) expect(line.length).toBeLessThan(100);
    });

    test('names an option that it does not have, in a line', async () => {
      const { status, stdout, stderr } = await runCli([name, '--nonsense']);
      expect([status, stdout]).toEqual([2, '']);
      expect(stderr).toBe(`rxmilter ${name}: there is no option --nonsense. See: rxmilter ${name} --help\n`);
    });

    test('takes no value for an option that has none', async () => {
      const { status, stderr } = await runCli([name, '--debug=1']);
      expect(status).toBe(2);
      expect(stderr.split('\n')[0]).toContain('--debug takes no value');
    });
  });

  test('shows every option of send in its help', async () => {
    const { stdout } = await runCli(['send', '--help']);
    const options = ['to', 'from', 'rcpt', 'helo', 'client', 'macro', 'protocol', 'timeout'];
    for (const option of [...options, 'json', 'diff', 'trace', 'message', 'debug'])
      expect(stdout).toMatch(new RegExp(`^  --${option} `, 'm'));
  });

  test('asks for a command where it is missing', async () => {
    const { status, stderr } = await runCli([]);
    expect([status, stderr]).toEqual([2, 'rxmilter: a command is missing. See: rxmilter --help\n']);
  });

  test('names the command that was probably meant', async () => {
    const { status, stderr } = await runCli(['sevre', 'filter.js']);
    expect([status, stderr]).toEqual([
      2,
      'rxmilter: there is no command "sevre". Did you mean serve? See: rxmilter --help\n',
    ]);
  });

  test('names all commands where nothing is near', async () => {
    const { status, stderr } = await runCli(['frobnicate']);
    expect(status).toBe(2);
    expect(stderr).toContain('There are: send, serve, replay, check.');
  });

  test('names the option that was probably meant', async () => {
    const { stderr } = await runCli(['send', '--form', 'ann@example.com', 'mail.eml']);
    expect(stderr).toContain('there is no option --form. Did you mean --from?');
  });

  test.each([
    [['send', '--to'], '--to needs a value after it'],
    [['send', '--to', '--json', 'mail.eml'], '--to is followed by what looks like an option'],
    [['send'], 'MAIL.eml is missing'],
    [['send', 'mail.eml'], '--to is missing'],
    [['send', '--to', 'inet:1@127.0.0.1', 'a.eml', 'b.eml'], '"b.eml" is one argument too many'],
    [['serve', 'filter.js'], '--listen is missing'],
    [['replay', 'mail.jsonl'], 'FILTER.js is missing'],
  ])('says of %j what is wrong with it', async (argv, problem) => {
    const { status, stderr } = await runCli(argv);
    expect(status).toBe(2);
    expect(stderr).toContain(problem);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
  });

  test('shows where an error came from at --debug only', async () => {
    const argv = ['send', '--to', 'inet:1@127.0.0.1', 'nowhere.eml'];
    const plain = await runCli(argv);
    expect(plain.stderr).not.toMatch(/^ +at /m);
    const { status, stderr } = await runCli([...argv, '--debug']);
    expect(status).toBe(1);
    expect(stderr.startsWith(plain.stderr)).toBe(true);
    expect(stderr).toMatch(/^ +at .*readInput/m);
    expect(stderr).toContain('ENOENT');
  });
});
