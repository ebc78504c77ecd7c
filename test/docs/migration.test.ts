import { spawnSync } from 'node:child_process';
import { on, reject, serve, type MilterServer } from 'rxmilter';
import { MtaSession, deliver, type ClientMail, type Delivery } from 'rxmilter/mta';
import ts from 'typescript';
import { describe, expect, onTestFinished, test, vi } from 'vitest';

import { standardError } from '../support/standard-error.js';
import { snippetsOf, type Snippet } from './support/markdown.js';
import { runSnippet } from './support/run-snippet.js';
import { added, repliesTo, senderTo } from './support/serving.js';
import { missingForLibmilter, runLibmilterProgram } from './support/their-program.js';

interface WithServer {
  readonly server: MilterServer;
}

const MAIL: ClientMail = { sender: 'alice@example.com', recipients: ['bob@example.org'], body: 'Hello.\n' };

/** The programs for other libraries in a language. */
function theirs(language: string): Snippet[] {
  return snippetsOf('docs/migration.md').filter((each) => each.theirs && each.language === language);
}

/** What became of a message, as far as the filter has to do with it. */
function result(delivery: Delivery): object {
  const { outcome, headers, body } = delivery;
  return {
    outcome,
    replies: repliesTo(delivery),
    headers: headers.filter(({ name }) => name !== 'Received').map(({ name, value }) => `${name}: ${value}`),
    body: body.toString('latin1'),
  };
}

const withoutLibmilter = missingForLibmilter();
if (withoutLibmilter !== undefined) {
  console.info(`The program for libmilter in docs/migration.md is not run: ${withoutLibmilter}.`);
}
const withoutPython = spawnSync('python3', ['--version']).status !== 0;
if (withoutPython) console.info('The program for pymilter is not looked at: there is no python3.');

const withoutGo = spawnSync('gofmt', ['-l'], { input: '' }).status !== 0;
if (withoutGo) console.info('The program for mailfilter is not looked at: there is no gofmt.');

describe('the programs for other libraries', () => {
  test('in JavaScript have no syntax errors', () => {
    const programs = theirs('js');
    expect(programs).toHaveLength(2);
    for (const { code, line } of programs) {
      const { diagnostics } = ts.transpileModule(code, { fileName: 'theirs.cjs', reportDiagnostics: true });
      expect([line, diagnostics?.map(({ messageText }) => messageText)]).toEqual([line, []]);
    }
  });

  test.skipIf(withoutPython)('in Python have no syntax errors', () => {
    const programs = theirs('py');
    expect(programs).toHaveLength(1);
    for (const { code } of programs) {
      const check = spawnSync('python3', ['-c', 'import ast, sys; ast.parse(sys.stdin.read())'], {
        input: code,
      });
      expect(check.stderr.toString()).toBe('');
    }
  });

  test.skipIf(withoutGo)('in Go have no syntax errors, and the format of gofmt', () => {
    const programs = theirs('go');
    expect(programs).toHaveLength(1);
    for (const { code } of programs) {
      const check = spawnSync('gofmt', ['-d'], { input: code });
      expect([check.stdout.toString(), check.stderr.toString()]).toEqual(['', '']);
    }
  });
});

describe('the programs of the migration guide', () => {
  const mails: ClientMail[] = [
    { ...MAIL, headers: [['Subject', 'hello']] },
    { ...MAIL, headers: [['SUBJECT', 'hello']] },
    { ...MAIL, headers: [['Subject', 'hello']], macros: { '{auth_authen}': 'alice' } },
    { ...MAIL, recipients: ['nobody@example.org', 'bob@example.org'], headers: [['Subject', 'hello']] },
    { ...MAIL, recipients: ['Nobody@Example.org'] },
    MAIL,
  ];

  test('from-libmilter: tags, adds and refuses', async () => {
    const { server } = await runSnippet<WithServer>('from-libmilter');
    const send = senderTo(server);
    expect(result(await send(mails[0]))).toMatchObject({
      headers: ['Subject: [external] hello', 'X-Filter: example'],
    });
    expect(result(await send(mails[2]))).toMatchObject({ headers: ['Subject: hello', 'X-Filter: example'] });
    expect(result(await send(mails[4]))).toMatchObject({
      outcome: 'refused',
      replies: { 'Nobody@Example.org': '550 5.1.1 No such user' },
    });
  });

  test.skipIf(withoutLibmilter !== undefined)(
    'from-libmilter: does what the one in C does',
    { timeout: 60_000 },
    async () => {
      const [program] = theirs('c');
      const to = await runLibmilterProgram(program?.code ?? '');
      const { server } = await runSnippet<WithServer>('from-libmilter');
      onTestFinished(() => server.destroy());
      for (const mail of mails) {
        const their = await deliver(mail, { to });
        expect(their.failure).toBeUndefined();
        expect(result(await deliver(mail, { to: server.address }))).toEqual(result(their));
      }
    },
  );

  test('from-libmilter-message: does the same, but for the spelling of a name', async () => {
    const [one, other] = [
      await runSnippet<WithServer>('from-libmilter'),
      await runSnippet<WithServer>('from-libmilter-message'),
    ];
    const [send, sendOther] = [senderTo(one.server), senderTo(other.server)];
    for (const mail of mails.filter((each) => each !== mails[1])) {
      expect(result(await sendOther(mail))).toEqual(result(await send(mail)));
    }
    expect(result(await send(mails[1]))).toMatchObject({
      headers: ['Subject: [external] hello', 'X-Filter: example'],
    });
    expect(result(await sendOther(mails[1]))).toMatchObject({
      headers: ['SUBJECT: [external] hello', 'X-Filter: example'],
    });
  });

  test('from-node-milter: counts unknown recipients over the messages of a connection', async () => {
    const asked: string[] = [];
    const mailboxExists = (address: string): Promise<boolean> => {
      asked.push(address);
      if (address === 'broken@b.test') return Promise.reject(new Error('no directory'));
      return Promise.resolve(address === 'bob@example.org');
    };
    const written = standardError();
    const { server } = await runSnippet<WithServer>('from-node-milter', { mailboxExists });
    onTestFinished(() => server.destroy());
    const session = await MtaSession.open({ to: server.address });
    const first = await session.send({
      ...MAIL,
      recipients: ['x@b.test', 'broken@b.test', 'bob@example.org'],
    });
    expect(repliesTo(first)).toMatchObject({
      'x@b.test': '550 5.1.1 No such user',
      'broken@b.test': expect.stringMatching(/^451 /),
    });
    expect(added(first)).toContain('X-Unknown-Recipients: 1');
    await session.send({ ...MAIL, recipients: ['y@b.test'] });
    expect(added(await session.send(MAIL))).toContain('X-Unknown-Recipients: 2');
    await session.close();
    expect(asked.slice(0, 2)).toEqual(['x@b.test', 'broken@b.test']);
    expect(written).toHaveLength(1);
  });

  test.each(['from-milterjs', 'from-milterjs-message'])(
    '%s: adds a line to the body, whatever bytes it has',
    async (name) => {
      const { server } = await runSnippet<WithServer>(name, {}, { 'port: 8891': 'port: 0' });
      const send = senderTo(server);
      const body = Buffer.from('caf\xe9 \xff\r\n', 'latin1');
      expect((await send({ body })).body.toString('latin1')).toBe(
        'caf\xe9 \xff\r\n-- \r\nSent through example.org\r\n',
      );
      expect((await send({ body: 'EICAR' })).reply).toMatchObject({
        code: 554,
        lines: ['This message has a virus'],
      });
    },
  );

  test.each(['from-pymilter', 'from-pymilter-message'])('%s: counts hops', async (name) => {
    const { server } = await runSnippet<WithServer>(name);
    const send = senderTo(server);
    const hops = (count: number): (readonly [string, string])[] =>
      Array.from({ length: count }, () => ['Received', 'from elsewhere'] as const);
    expect(added(await send({ headers: hops(2) }))).toEqual(['X-Hops: 2']);
    expect((await send({ headers: hops(51) })).reply).toMatchObject({ code: 554, lines: ['Mail loop'] });
  });

  test('from-mailfilter: refuses, tags, redirects and adds', async () => {
    const { server } = await runSnippet<WithServer>('from-mailfilter');
    const send = senderTo(server);
    expect((await send({ body: 'EICAR' })).reply).toMatchObject({
      code: 554,
      enhanced: '5.7.1',
      lines: ['This message has a virus'],
    });
    const outside = await send({ recipients: ['info@example.org', 'bob@example.org'] });
    expect(result(outside)).toMatchObject({ headers: ['Subject: [external] hello', 'X-Filter: example'] });
    expect(outside.recipients.map(({ address }) => address).sort()).toEqual([
      'bob@example.org',
      'desk@example.org',
    ]);
    expect(result(await send({ macros: { '{auth_authen}': 'alice' } }))).toMatchObject({
      headers: ['Subject: hello', 'X-Filter: example'],
    });
  });

  test('compare: shows where two filters differ', async () => {
    const [before, after] = [
      await serve(
        on('rcpt', () => reject()),
        { listen: 'inet:0@127.0.0.1' },
      ),
      await serve(
        on('rcpt', () => undefined),
        { listen: 'inet:0@127.0.0.1' },
      ),
    ];
    onTestFinished(() => {
      before.destroy();
      after.destroy();
    });
    const log = vi.fn();
    const addresses = { 'inet:8890@127.0.0.1': before.address, 'inet:8891@127.0.0.1': after.address };
    await runSnippet('compare', { log }, addresses);
    expect(log).toHaveBeenCalledExactlyOnceWith({ before: 'refused', after: 'delivered' });
  });
});
