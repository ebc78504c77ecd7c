import { simpleParser } from 'mailparser';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { type Filter, type MessageOutcome, on, reject } from 'rxmilter';
import { describe, expect, onTestFinished, test, vi } from 'vitest';

import { standardError } from '../support/standard-error.js';
import { eventually } from './support/eventually.js';
import { readPage, snippet, tableBelow } from './support/markdown.js';
import { runSnippet } from './support/run-snippet.js';
import { added, repliesTo, senderTo, serving } from './support/serving.js';

interface Program {
  readonly default: Filter;
}

/** The most lines that each of the programs may have. */
const MOST: Readonly<Record<string, number>> = {
  'task-recipients': 4,
  'task-subject': 5,
  'task-header': 3,
  'task-attachments': 5,
  'task-footer': 4,
  'task-redirect': 3,
  'task-rate': 1,
  'task-reload': 3,
  'task-two': 4,
  'task-log': 3,
  'task-test': 4,
  'task-production': 3,
};

/** Serves the program of that name to a simulated mail server. */
async function task(
  name: string,
  modules: Readonly<Record<string, unknown>> = {},
  replacements: Readonly<Record<string, string>> = {},
): ReturnType<typeof serving> {
  const program = await runSnippet<Program>(name, {}, replacements, {
    mailparser: { simpleParser },
    ...modules,
  });
  return serving(program.default);
}

describe('the page of twelve tasks', () => {
  test('says how many lines each program has, and none has more than it may', () => {
    const named = [...readPage('docs/tasks.md').matchAll(/^<!-- run: (task-[\w]+) -->$/gm)].map(
      ([, name = '']) => name,
    );
    expect(named).toEqual(Object.keys(MOST));
    const lines = named.map((name) => {
      const program = snippet(name).code.replace(/^import [^;]*;$/gm, '');
      return program.split('\n').filter((line) => line.trim() !== '').length;
    });
    for (const [at, name] of named.entries())
      expect([name, lines[at]]).toEqual([name, Math.min(lines[at] ?? 0, MOST[name] ?? 0)]);
    expect(tableBelow('docs/tasks.md', 'Twelve tasks').map((row) => Number(row.Lines))).toEqual(lines);
  });

  describe.each(['task-recipients', 'task-recipients-plain'])('%s', (name) => {
    const directory = (
      mailboxExists: (address: string, signal: AbortSignal) => Promise<boolean>,
    ): Promise<Awaited<ReturnType<typeof serving>>> => task(name, { './directory.mjs': { mailboxExists } });

    test('refuses whom the directory does not know', async () => {
      const send = await directory((address) => Promise.resolve(address === 'bob@example.org'));
      const delivery = await send({ recipients: ['bob@example.org', 'eve@example.org'] });
      expect(repliesTo(delivery)).toEqual({
        'bob@example.org': '250 2.1.5 Ok',
        'eve@example.org': '550 5.7.1 No such user',
      });
    });

    test('lets pass where the directory is slow, whose look-up ends', async () => {
      const ended = vi.fn();
      const send = await directory(
        (_address, signal) =>
          new Promise((_resolve, refuse) => {
            signal.addEventListener('abort', () => {
              ended();
              refuse(new Error('ended'));
            });
          }),
      );
      expect((await send()).outcome).toBe('delivered');
      expect(ended).toHaveBeenCalledOnce();
    });

    test('lets pass where the directory fails', async () => {
      const lines = standardError();
      const send = await directory(() => Promise.reject(new Error('The directory is down')));
      expect((await send()).outcome).toBe('delivered');
      expect(lines.join('')).toMatch(name === 'task-recipients' ? /The directory is down/ : /^$/);
    });
  });

  test('task-subject: tags mail from outside, once, whatever the subject is written in', async () => {
    const send = await task('task-subject');
    const subject = async (
      headers: readonly (readonly [string, string])[],
      login = {},
    ): Promise<string | undefined> =>
      (await simpleParser((await send({ headers, ...login })).message)).subject?.trim();
    expect(await subject([['Subject', 'Lunch?']])).toBe('[external] Lunch?');
    expect(await subject([['Subject', '=?utf-8?Q?Gr=C3=BC=C3=9Fe?=']])).toBe('[external] Grüße');
    expect(await subject([['Subject', '[external] Lunch?']])).toBe('[external] Lunch?');
    expect(await subject([['From', 'a@b.test']])).toBe('[external]');
    expect(await subject([['Subject', 'Lunch?']], { auth: { user: 'alice' } })).toBe('Lunch?');
  });

  test('task-header: counts recipients that were not refused, and bytes', async () => {
    const send = await task('task-header');
    const delivery = await send({ recipients: ['a@b.test', 'c@d.test'] });
    const size = 'Subject: hello\r\n\r\nHello.\r\n'.length;
    expect(added(delivery)).toEqual([`X-Envelope: recipients=2; size=${size}`]);
  });

  test('task-attachments: refuses by name, whatever is in it', async () => {
    const send = await task('task-attachments');
    const replyTo = async (disposition: string): Promise<string> => {
      const headers = [['Content-Type', 'multipart/mixed; boundary=x']] as const;
      const part = `Content-Type: application/octet-stream\r\nContent-Disposition: attachment; ${disposition}\r\n\r\nMZ\r\n`;
      const { reply } = await send({ headers, body: `--x\r\n\r\nHi\r\n--x\r\n${part}--x--\r\n` });
      return [reply.code, ...reply.lines].join(' ');
    };
    expect(await replyTo('filename="report.pdf"')).toMatch(/^250 /);
    expect(await replyTo('filename="game.EXE"')).toBe('550 Attachments like game.EXE are not accepted');
    expect(await replyTo("filename*=utf-8''a%0Ab.exe")).toBe('550 Attachments like a b.exe are not accepted');
    expect(await replyTo(`filename="${'long'.repeat(300)}.exe"`)).toMatch(/^550 Attachments like longlong/);
  });

  test('task-footer: puts it below plain text and HTML', async () => {
    const send = await task('task-footer');
    const headers = [['Content-Type', 'multipart/alternative; boundary=x']] as const;
    const body = '--x\r\n\r\nHi\r\n--x\r\nContent-Type: text/html\r\n\r\n<p>Hi</p></body>\r\n--x--\r\n';
    const { text, html } = await simpleParser((await send({ headers, body })).message);
    expect(text?.replace(/\r/g, '')).toBe('Hi\n-- \nSent through Example Org\n');
    expect(html).toBe('<p>Hi</p>\n<hr>Sent through <b>Example Org</b>\n</body>');
  });

  test('task-redirect: redirects a recipient in any spelling, and no other', async () => {
    const send = await task('task-redirect');
    const to = async (...recipients: string[]): Promise<string[]> =>
      (await send({ recipients })).recipients.map(({ address }) => address);
    expect(await to('INFO@Example.ORG', 'bob@example.org')).toEqual(['bob@example.org', 'desk@example.org']);
    expect(await to('bob@example.org')).toEqual(['bob@example.org']);
  });

  test('task-rate: defers what is above the limit', async () => {
    const send = await task('task-rate');
    const outcomes: string[] = [];
    for (let count = 0; count < 22; count++) outcomes.push((await send()).outcome);
    expect(outcomes).toEqual([...Array.from({ length: 20 }, () => 'delivered'), 'deferred', 'deferred']);
  });

  test('task-reload: goes by a file that changes, breaks and comes back, and by SIGHUP', async () => {
    const directory = await mkdtemp(`${tmpdir()}/rxmilter-tasks-`);
    onTestFinished(() => rm(directory, { recursive: true }));
    const file = `${directory}/blocked.txt`;
    await writeFile(file, 'spam.example\n');
    const lines = standardError();
    const signals = process.listenerCount('SIGHUP');
    const send = await task('task-reload', {}, { 'blocked.txt': file });
    const blocked = async (domain: string): Promise<boolean> =>
      (await send({ sender: `a@${domain}` })).reply.lines.includes('Blocked');
    expect([await blocked('spam.example'), await blocked('new.example')]).toEqual([true, false]);
    expect((await send({ sender: '' })).outcome).toBe('delivered');
    await writeFile(file, 'new.example\n');
    await eventually('the new rules', () => blocked('new.example'));
    expect(await blocked('spam.example')).toBe(false);
    await rm(file);
    process.emit('SIGHUP');
    await eventually('the error', () => lines.join('').includes('ENOENT'));
    expect(await blocked('new.example')).toBe(true);
    expect(process.listenerCount('SIGHUP')).toBeGreaterThan(signals);
  });

  test('task-two: each does its own', async () => {
    const send = await task('task-two');
    const delivery = await send({ recipients: ['nobody@example.org', 'bob@example.org'] });
    expect(repliesTo(delivery)['nobody@example.org']).toBe('550 5.7.1 No such user');
    expect(added(delivery)).toEqual(['X-Filtered: yes']);
  });

  test('task-log: writes a line for each message', async () => {
    const log = vi.spyOn(console, 'log').mockImplementation(() => undefined);
    onTestFinished(() => log.mockRestore());
    const filter = on('rcpt', ({ local }) => local === 'eve' && reject('Not you'));
    const { server } = await runSnippet<{ server: Parameters<typeof senderTo>[0] }>(
      'task-log',
      {},
      {},
      {
        './filter.mjs': { default: filter },
      },
    );
    const send = senderTo(server);
    await send();
    await send({ recipients: ['eve@example.org'] });
    await eventually('two lines', () => log.mock.calls.length === 2);
    expect(log.mock.calls).toEqual([
      [expect.stringMatching(/^\w+$/), 'accepted', 'alice@example.com', ''],
      [undefined, 'refused', 'alice@example.com', '550 5.7.1 Not you'],
    ]);
  });

  test('task-test: passes, in no time, and fails where the filter refuses', async () => {
    const tests: (() => unknown)[] = [];
    const runner = { test: (_name: string, body: () => unknown) => void tests.push(body) };
    await runSnippet('task-test', {}, {}, { vitest: runner });
    await runSnippet('task-test', {}, { "'pass')": "{ kind: 'reject' })" }, { vitest: runner });
    expect(tests).toHaveLength(2);
    await tests[0]?.();
    expect(() => tests[1]?.()).toThrow('is not what came out');
  });

  test('task-production: counts what became of messages, and finishes them at SIGTERM', async () => {
    const inc = vi.fn<(labels: Pick<MessageOutcome, 'result'>) => void>();
    const directory = await mkdtemp(`${tmpdir()}/rxmilter-tasks-`);
    onTestFinished(() => rm(directory, { recursive: true, force: true }));
    const { server } = await runSnippet<{ server: Parameters<typeof senderTo>[0] }>(
      'task-production',
      {},
      { '/var/spool/postfix/rxmilter': directory, "'postfix'": String(process.getgid?.() ?? 0) },
      { './filter.mjs': { default: on('eom', () => undefined) }, './metrics.mjs': { messages: { inc } } },
    );
    const send = senderTo(server);
    await send();
    await eventually('a message', () => inc.mock.calls.length > 0);
    expect(inc.mock.calls).toEqual([[{ result: 'accepted' }]]);
    process.emit('SIGTERM');
    await eventually('the end', async () => (await send()).failure?.kind === 'connect');
  });
});
