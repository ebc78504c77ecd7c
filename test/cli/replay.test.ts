import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { deliver } from 'rxmilter/mta';
import { record } from 'rxmilter/recording';
import { beforeAll, describe, expect, test } from 'vitest';

import filter from './fixtures/filter.mjs';
import { runCli } from './support/run-cli.js';
import { scratch } from './support/scratch.js';

const FIXTURES = join(import.meta.dirname, 'fixtures');
const module = (name: string): string => join(FIXTURES, name);

describe('rxmilter replay', () => {
  /** Two sessions: a message that got a header, and one without a recipient. */
  let recording = '';

  beforeAll(async () => {
    const trace = record((line) => (recording += line));
    for (const recipient of ['bob@example.org', 'unknown@example.org']) {
      await deliver(
        { sender: 'ann@example.com', recipients: [recipient], headers: [['Subject', 'Hi']], body: 'Hello\n' },
        { to: filter, session: { trace } },
      );
    }
  });

  /** The ids of the sessions, which count all connections of this process. */
  function ids(): string[] {
    return [...new Set([...recording.matchAll(/"session":"([^"]+)"/g)].map(([, id = '']) => id))];
  }

  test('ends with 0 where all answers are as recorded', async () => {
    const cwd = scratch({ 'mail.jsonl': recording });
    const { status, stdout, stderr } = await runCli(['replay', 'mail.jsonl', module('filter.mjs')], { cwd });
    expect([status, stderr]).toEqual([0, '']);
    const [first, second] = ids();
    // mail, rcpt, data and what the filter asked for of the content, which is only its end
    expect(stdout.split('\n')).toEqual([
      expect.stringMatching(`^Session ${first ?? ''}, .*events: as recorded$`),
      expect.stringMatching(`^Session ${second ?? ''}, .*events: as recorded$`),
      expect.stringMatching(/^2 sessions, \d+ events: all answers are as recorded\.$/),
      '',
    ]);
  });

  test('shows what was said and what is said now, and ends with 1 where they differ', async () => {
    const cwd = scratch({ 'mail.jsonl': recording });
    const { status, stdout, stderr } = await runCli(['replay', 'mail.jsonl', module('other.mjs')], { cwd });
    expect([status, stderr]).toEqual([1, '']);
    expect(stdout).toMatch(/^ {2}eom \(after \d+\.\d ms\)$/m);
    expect(stdout).toContain(
      [
        '    recorded  addHeader X-Filter: one',
        '    now       addHeader X-Filter: two',
        '    both      continue',
        '',
      ].join('\n'),
    );
    expect(stdout).toMatch(/^2 sessions, \d+ events: 1 answer not as recorded\.$/m);
  });

  test('plays one session with --session', async () => {
    const cwd = scratch({ 'mail.jsonl': recording });
    const [, second = ''] = ids();
    const { status, stdout } = await runCli(
      ['replay', '--session', second, 'mail.jsonl', module('other.mjs')],
      {
        cwd,
      },
    );
    expect(status).toBe(0);
    expect(stdout).toMatch(new RegExp(`^Session ${second}, `));
    expect(stdout).toMatch(/^1 session, /m);
  });

  test('draws the sessions with --diagram', async () => {
    const cwd = scratch({ 'mail.jsonl': recording });
    const argv = ['replay', '--diagram', 'mail.jsonl', module('filter.mjs')];
    const { stdout } = await runCli(argv, { cwd });
    expect(stdout.match(/^mta {5}.*\|$/gm)).toHaveLength(2);
    expect(stdout.match(/^filter {2}.*\|$/gm)).toHaveLength(2);
  });

  test('takes functions and the first of an Observable of filters, too', async () => {
    const cwd = scratch({ 'mail.jsonl': recording });
    const [first = ''] = ids();
    for (const [name, value] of [
      ['later.mjs', 'later'],
      ['stream.mjs', 'first|second'],
    ] as const) {
      const { stdout } = await runCli(['replay', '--session', first, 'mail.jsonl', module(name)], { cwd });
      expect(stdout).toMatch(new RegExp(`^ {4}now {7}addHeader X-Filter: (${value})$`, 'm'));
    }
  });

  test('says that a last line is not whole, and plays the rest', async () => {
    const cwd = scratch({ 'mail.jsonl': recording.slice(0, -20) });
    const lines = recording.trimEnd().split('\n').length;
    const { status, stderr } = await runCli(['replay', 'mail.jsonl', module('filter.mjs')], { cwd });
    expect(status).toBe(0);
    expect(stderr).toBe(`rxmilter replay: line ${lines} of mail.jsonl is not whole, and left out.\n`);
  });

  test('reads a recording from standard input', async () => {
    const { status } = await runCli(['replay', '-', module('filter.mjs')], { stdin: recording });
    expect(status).toBe(0);
  });

  test.each([
    ['nowhere.jsonl', 1, 'Cannot read nowhere.jsonl: there is no such file or directory.'],
    ['empty.jsonl', 1, 'empty.jsonl: no session is recorded in it.'],
    ['mail.eml', 1, 'mail.eml: Line 1 of the recording: it is no line of a recording'],
    ['future.jsonl', 1, 'future.jsonl: Line 1 of the recording: its version is 7, and only 1 is known.'],
  ])('says of the recording %s what is wrong with it', async (file, status, problem) => {
    const cwd = scratch({ 'empty.jsonl': '', 'mail.eml': 'From: a@b\n\n' });
    writeFileSync(join(cwd, 'future.jsonl'), '{"rxmilter":"recording","version":7}\n');
    const result = await runCli(['replay', file, module('filter.mjs')], { cwd });
    expect([result.status, result.stdout]).toEqual([status, '']);
    expect(result.stderr).toContain(problem);
    expect(result.stderr.trimEnd().split('\n')).toHaveLength(1);
  });

  test('names the sessions that there are where one is wanted that there is not', async () => {
    const cwd = scratch({ 'mail.jsonl': recording });
    const argv = ['replay', '--session', 'x', 'mail.jsonl', module('filter.mjs')];
    const { status, stderr } = await runCli(argv, { cwd });
    expect(status).toBe(2);
    expect(stderr).toContain(`mail.jsonl has no such session. It has: ${ids().join(', ')}.`);
  });
});
