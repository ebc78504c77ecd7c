import { accept, on } from 'rxmilter';
import { describe, expect, test } from 'vitest';

import { GOOD, replyFrame, scriptedMilter, type Script } from '../support/scripted-milter.js';
import { runCli } from './support/run-cli.js';
import { scratch } from './support/scratch.js';
import { serving } from './support/serving.js';

const CONTINUE = replyFrame('c', '');
/** For milters of this process. */
const QUICKLY = ['--settle', '0.04', '--idle', '0.001', '--timeout', '4'];

async function checking(script: Script, ...more: string[]): ReturnType<typeof runCli> {
  await using milter = await scriptedMilter({ ...GOOD, ...script });
  return await runCli(['check', '--to', milter.address, ...QUICKLY, ...more]);
}

describe('rxmilter check', () => {
  test('finds nothing wrong with a filter', async () => {
    const address = await serving(on('mail', () => accept()));
    const { status, stdout, stderr } = await runCli(['check', '--to', address, ...QUICKLY]);
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^Replied at .*\.\n\d+ dialogues played: 0 errors, 0 warnings\.\n$/);
  });

  test('says in words what is wrong, where, what follows, by which source, and what to do', async () => {
    const { status, stdout, stderr } = await checking({ H: [CONTINUE, CONTINUE] });
    expect([status, stderr]).toEqual([1, '']);
    const rows = stdout.split('\n').map((line) => line.replace(/^( {2}\w+|error:) .{20,}$/, '$1 …'));
    expect(rows.slice(0, 9)).toEqual([
      'error: surplus-reply',
      '  What …',
      '  Where …',
      expect.stringMatching(/^ {10}and \d+ more, first at .*, in: .*$/),
      '  Then …',
      '  Source …',
      '  Do …',
      '',
      expect.stringMatching(/^Replied at connect \d+, helo \d+, /),
    ]);
    expect(stdout).toContain('\n  What    continue came though no reply was due.\n');
    expect(stdout).toContain('\n  Where   at helo client.example, in: one step at a time\n');
    expect(stdout).toMatch(/\n\d+ dialogues played: 1 error, 0 warnings\.\n$/);
  });

  test('has exit status 0 where there are only warnings', async () => {
    const { status, stdout } = await checking({ R: replyFrame('y', '550 5.7.1 100% spam\0') });
    expect(status).toBe(0);
    expect(stdout).toMatch(/^warning: percent\n/);
  });

  test('prints all of it as JSON', async () => {
    const { status, stdout } = await checking({ H: replyFrame('d', '') }, '--json');
    const report = JSON.parse(stdout) as { findings: object[]; dialogues: object[]; replies: object };
    expect(status).toBe(1);
    expect(report.findings).toEqual([
      expect.objectContaining({ rule: 'wrong-stage', severity: 'error', step: 'helo client.example' }),
    ]);
    expect(Object.keys(report)).toEqual(['findings', 'dialogues', 'replies']);
  });

  test('shows what the milter says as text only', async () => {
    const { stdout } = await checking({ E: [replyFrame('h', 'X\x1b[31m\0b\0'), CONTINUE] });
    expect(stdout).not.toContain('\x1b');
    expect(stdout).toContain('X\\u001b[31m');
  });

  test('plays messages of files beside its own', async () => {
    const cwd = scratch({ 'mail.eml': 'From: a@example.com\nTo: b@example.org\nX-Mine: yes\n\nHello\n' });
    await using milter = await scriptedMilter(GOOD);
    const argv = [
      'check',
      '--to',
      milter.address,
      ...QUICKLY,
      '--from',
      'me@example.net',
      '--rcpt',
      'you@example.org',
    ];
    expect((await runCli([...argv, 'mail.eml', '-'], { cwd, stdin: 'X-Mine: no\n\n' })).status).toBe(0);
    const sent = (text: string): number =>
      milter.frames.filter((frame) => frame.includes(Buffer.from(text, 'latin1').toString('hex'))).length;
    expect([sent('X-Mine\0yes\0'), sent('X-Mine\0no\0')]).toEqual([4, 4]);
    expect([sent('<me@example.net>\0'), sent('<you@example.org>\0')]).toEqual([8, 8]);
  });

  test('says so where nothing listens, with exit status 2', async () => {
    const milter = await scriptedMilter();
    await milter[Symbol.asyncDispose]();
    const { status, stdout, stderr } = await runCli(['check', '--to', milter.address]);
    expect([status, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(
      /^rxmilter check: nothing was checked\. The milter failed at connect \(connect\): inet:\d+@127\.0\.0\.1: .*ECONNREFUSED.*\. Is the milter running, and is this its address\?\n$/,
    );
  });

  test.each([
    [['check'], '--to is missing'],
    [
      ['check', '--to', 'inet:1@127.0.0.1', '--timeout', 'soon'],
      '--timeout soon is not a time. Use seconds, as in --timeout 10.',
    ],
    [['check', '--to', 'inet:1@127.0.0.1', '--settle', '-1'], '--settle'],
    [['check', '--to', 'inet:1@127.0.0.1', '--idel', '1'], 'Did you mean --idle?'],
    [['check', '--to', 'nowhere:1'], 'nowhere'],
  ])('cannot understand %j', async (argv, problem) => {
    const { status, stderr } = await runCli(argv);
    expect(status).toBeGreaterThan(0);
    expect(stderr).toContain(problem);
  });

  test('cannot read a file that is not there', async () => {
    const { status, stderr } = await runCli(['check', '--to', 'inet:1@127.0.0.1', 'no.eml']);
    expect(status).toBe(1);
    expect(stderr).toMatch(/^rxmilter check: Cannot read no\.eml: /);
  });
});
