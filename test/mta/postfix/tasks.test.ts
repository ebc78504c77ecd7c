import { simpleParser } from 'mailparser';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { type Filter, on, type MilterServer } from 'rxmilter';
import { expect, onTestFinished, test, vi } from 'vitest';

import { runSnippet } from '../../docs/support/run-snippet.js';
import { describePostfix } from '../support/describe-postfix.js';
import { eventually } from '../support/eventually.js';

const DATA = 'Subject: hello\r\n\r\nHello.\r\n';

describePostfix('the programs of the page of tasks behind Postfix', (bench) => {
  /** Serves the program of that name. */
  async function task(
    name: string,
    modules: Readonly<Record<string, unknown>> = {},
    replacements: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    const all = { mailparser: { simpleParser }, ...modules };
    const program = await runSnippet<{ default: Filter }>(name, {}, replacements, all);
    await bench().serve(program.default);
  }

  /** What has come through: the message, and its recipients. */
  async function got(
    data: string,
    rcpts: readonly string[] = ['<bob@dst.example>'],
  ): Promise<{ readonly message: string; readonly recipients: readonly string[] }> {
    const client = await bench().greeted();
    expect(await client.deliver({ rcpts, data })).toMatch(/^250 /);
    await client.quit();
    const transaction = await bench().sink.next();
    return { message: transaction.data.toString(), recipients: transaction.rcpts.map(String) };
  }

  async function replyTo(data: string): Promise<string> {
    const client = await bench().greeted();
    const reply = await client.deliver({ data });
    await client.quit();
    return reply;
  }

  test.each(['task-recipients', 'task-recipients-plain'])('%s', async (name) => {
    const mailboxExists = (address: string): Promise<boolean> =>
      address.startsWith('slow') ? new Promise(() => undefined) : Promise.resolve(!address.startsWith('eve'));
    // The plain way is for look-ups that heed the signal.
    const heeding = (address: string, signal: AbortSignal): Promise<boolean> =>
      Promise.race([
        mailboxExists(address),
        new Promise<boolean>((_resolve, refuse) => {
          signal.addEventListener('abort', () => refuse(new Error('too slow')));
        }),
      ]);
    await task(name, { './directory.mjs': { mailboxExists: heeding } });
    const client = await bench().greeted();
    await client.command('MAIL FROM:<alice@src.example>');
    expect(await client.command('RCPT TO:<bob@dst.example>')).toMatch(/^250 /);
    expect(await client.command('RCPT TO:<eve@dst.example>')).toMatch(/^550 5\.7\.1 .*No such user/);
    expect(await client.command('RCPT TO:<slow@dst.example>')).toMatch(/^250 /);
    await client.command('RSET');
    await client.quit();
  });

  test('task-subject', async () => {
    await task('task-subject');
    expect((await got('Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\r\n\r\nHi\r\n')).message).toMatch(
      /^Subject: \[external\] =\?UTF-8\?Q\?Gr=C3=BC=C3=9Fe\?=\r\n/m,
    );
  });

  test('task-header', async () => {
    await task('task-header');
    const { message } = await got(DATA, ['<bob@dst.example>', '<ann@dst.example>']);
    // Postfix shows a filter the header as it came, without what it adds itself.
    expect(message).toContain(`X-Envelope: recipients=2; size=${DATA.length}\r\n`);
  });

  test('task-attachments', async () => {
    await task('task-attachments');
    const mail = (name: string): string =>
      'Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\nHi\r\n--x\r\nContent-Type: application/octet-stream\r\n' +
      `Content-Disposition: attachment; ${name}\r\n\r\nMZ\r\n--x--\r\n`;
    expect(await replyTo(mail("filename*=utf-8''a%0Ab.exe"))).toMatch(
      /^550 5\.7\.1 Attachments like a b\.exe are not accepted/,
    );
    // The flaw is told beside the refusal.
    expect(bench().errors.map(String)).toEqual([expect.stringContaining('AnswerError: reject(): line 1')]);
    bench().errors = [];
    expect(await replyTo(mail('filename=report.pdf'))).toMatch(/^250 /);
    await bench().sink.next();
  });

  test('task-footer', async () => {
    await task('task-footer');
    const { message } = await got(
      'MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary=x\r\n\r\n--x\r\nContent-Transfer-Encoding: base64\r\n\r\n' +
        'SGk=\r\n--x\r\nContent-Type: text/html\r\n\r\n<p>Hi</p></body>\r\n--x--\r\n',
    );
    const { text, html } = await simpleParser(message);
    expect(text?.replace(/\r/g, '')).toBe('Hi\n-- \nSent through Example Org\n');
    expect(html).toBe('<p>Hi</p>\n<hr>Sent through <b>Example Org</b>\n</body>');
  });

  test('task-redirect', async () => {
    await task('task-redirect');
    expect((await got(DATA, ['<INFO@example.org>'])).recipients.join()).toContain('desk@example.org');
  });

  test('task-rate', async () => {
    await task('task-rate');
    const client = await bench().greeted();
    const replies: string[] = [];
    for (let count = 0; count < 21; count++) {
      replies.push((await client.command('MAIL FROM:<alice@src.example>')).slice(0, 9));
      await client.command('RSET');
    }
    await client.quit();
    expect(replies).toEqual([...Array.from({ length: 20 }, () => '250 2.1.0'), '450 4.7.1']);
  });

  test('task-reload', async () => {
    const directory = await mkdtemp(`${tmpdir()}/rxmilter-tasks-`);
    onTestFinished(() => rm(directory, { recursive: true }));
    const file = `${directory}/blocked.txt`;
    await writeFile(file, 'spam.example\n');
    await task('task-reload', {}, { 'blocked.txt': file });
    const mail = async (domain: string): Promise<string> => {
      const client = await bench().greeted();
      const reply = await client.command(`MAIL FROM:<a@${domain}>`);
      await client.quit();
      return reply;
    };
    expect(await mail('spam.example')).toMatch(/^550 5\.7\.1 .*Blocked/);
    expect(await mail('new.example')).toMatch(/^250 /);
    await writeFile(file, 'new.example\n');
    await eventually('the new rules', async () => (await mail('new.example')).includes('Blocked'));
    expect(await mail('spam.example')).toMatch(/^250 /);
  });

  test('task-two', async () => {
    await task('task-two');
    const client = await bench().greeted();
    await client.command('MAIL FROM:<alice@src.example>');
    expect(await client.command('RCPT TO:<nobody@dst.example>')).toMatch(/^550 5\.7\.1 .*No such user/);
    await client.command('RCPT TO:<bob@dst.example>');
    await client.command('DATA');
    expect(await client.content(DATA)).toMatch(/^250 /);
    await client.quit();
    expect((await bench().sink.next()).data.toString()).toContain('X-Filtered: yes\r\n');
  });

  test('task-log', async () => {
    const log = vi.spyOn(console, 'log').mockImplementation(() => undefined);
    onTestFinished(() => log.mockRestore());
    const modules = { './filter.mjs': { default: on('eom', () => undefined) } };
    const { server } = await runSnippet<{ server: MilterServer }>(
      'task-log',
      {},
      { 'inet:8891@127.0.0.1': bench().milter.inet },
      modules,
    );
    onTestFinished(() => server.close());
    await got(DATA);
    await eventually('the line', () => log.mock.calls.length > 0);
    expect(log.mock.calls).toEqual([[expect.stringMatching(/^\w+$/), 'accepted', 'alice@src.example', '']]);
  });

  test('task-production', async () => {
    const inc = vi.fn();
    const { server } = await runSnippet<{ server: MilterServer }>(
      'task-production',
      {},
      { 'unix:/var/spool/postfix/rxmilter/socket': bench().milter.unix },
      { './filter.mjs': { default: on('eom', () => undefined) }, './metrics.mjs': { messages: { inc } } },
    );
    const client = await bench().greeted('unix');
    expect(await client.deliver({ data: DATA })).toMatch(/^250 /);
    await client.quit();
    await bench().sink.next();
    await eventually('the count', () => inc.mock.calls.length > 0);
    expect(inc.mock.calls).toEqual([[{ result: 'accepted' }]]);
    const closed = vi.spyOn(server, 'close');
    process.emit('SIGTERM');
    expect(closed).toHaveBeenCalledOnce();
    await server.close();
  });
});
