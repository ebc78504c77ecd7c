import { readFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import {
  addHeader,
  addRecipient,
  changeHeader,
  changeSender,
  compose,
  deleteHeader,
  deleteRecipient,
  discard,
  insertHeader,
  observe,
  on,
  quarantine,
  reject,
  replaceBody,
  tempfail,
  type Connect,
  type Rcpt,
} from 'rxmilter';
import { describe, expect, test } from 'vitest';

import { replyFrame, scriptedMilter } from '../support/scripted-milter.js';
import { runCli } from './support/run-cli.js';
import { scratch } from './support/scratch.js';
import { serving } from './support/serving.js';

const MAIL = [
  'From: Ann <ann@example.com>',
  'To: "Doe, Bob" <bob@example.org>, info@example.org (the desk)',
  'Subject: Hello',
  'X-Old: 1',
  '',
  'Hello Bob,',
  'bye',
  '',
].join('\n');

const nothing = observe('mail', () => undefined);

const everything = on('eom', () => [
  addHeader('X-New', 'yes'),
  insertHeader('top', 'X-Top', 'first'),
  changeHeader('Subject', 'Changed'),
  deleteHeader('X-Old'),
  replaceBody('Hello Bob,\r\nsee you\r\n'),
  addRecipient('boss@example.org', ['NOTIFY=NEVER']),
  deleteRecipient('<info@example.org>'),
  changeSender('bounces@example.com'),
]);

describe('rxmilter send', () => {
  const cwd = (): string => scratch({ 'mail.eml': MAIL });

  test('shows each step, the changes and the outcome', async () => {
    const { status, stdout, stderr } = await runCli(['send', '--to', await serving(everything), 'mail.eml'], {
      cwd: cwd(),
    });
    expect([status, stderr]).toEqual([0, '']);
    const rows = stdout
      .split('\n')
      .map((line) => line.replace(/\s+/g, ' '))
      .map((line) => line.replace(/queued as .*/, 'queued as ID'));
    expect(rows).toEqual([
      'Envelope',
      ' from <ann@example.com> (from the message; give --from for another)',
      ' to <bob@example.org> (from the message; give --rcpt for another)',
      ' to <info@example.org> (from the message; give --rcpt for another)',
      'SMTP',
      ' connect 220 mta.example.org ESMTP',
      ' helo 250 mta.example.org',
      ' mail <ann@example.com> 250 2.1.0 Ok',
      ' rcpt <bob@example.org> 250 2.1.5 Ok',
      ' rcpt <info@example.org> 250 2.1.5 Ok',
      ' data 354 End data with <CR><LF>.<CR><LF>',
      ' message 250 2.0.0 Ok: queued as ID',
      'Changes',
      // In the order in which they go over the wire, which is not that of the filter.
      ' change header Subject: Changed',
      ' delete header X-Old',
      ' add header X-New: yes',
      ' insert header at 0 X-Top: first',
      ' add recipient <boss@example.org> NOTIFY=NEVER',
      ' delete recipient <info@example.org>',
      ' change sender <bounces@example.com>',
      ' replace body 21 bytes, it had 17',
      'Outcome',
      ' protocol version 6',
      ' delivered from <bounces@example.com>',
      ' to <bob@example.org>',
      ' to <boss@example.org> NOTIFY=NEVER',
      '',
    ]);
  });

  test('shows with --diff what has changed in the message, as diff -u does', async () => {
    const { stdout } = await runCli(['send', '--to', await serving(everything), '--diff', 'mail.eml'], {
      cwd: cwd(),
    });
    expect(stdout.slice(stdout.indexOf('Difference\n'))).toBe(
      [
        'Difference',
        '--- before',
        '+++ after',
        '@@ -1,7 +1,8 @@',
        '+X-Top: first',
        ' From: Ann <ann@example.com>',
        ' To: "Doe, Bob" <bob@example.org>, info@example.org (the desk)',
        '-Subject: Hello',
        '-X-Old: 1',
        '+Subject: Changed',
        '+X-New: yes',
        ' ',
        ' Hello Bob,',
        '-bye',
        '+see you',
        '',
      ].join('\n'),
    );
  });

  test('shows with --message the message as it is delivered, byte for byte where no person reads it', async () => {
    const mail = Buffer.concat([Buffer.from('From: a@b\nSubject: x\n\n'), Buffer.of(0xff, 0x1b, 0x0a)]);
    const to = await serving(on('eom', () => addHeader('X-New', 'yes')));
    const argv = ['send', '--to', to, '--rcpt', 'c@d', '--message', 'mail.eml'];
    const { bytes } = await runCli(argv, { cwd: scratch({ 'mail.eml': mail }) });
    const text = bytes.toString('latin1');
    expect(text.slice(text.indexOf('\nMessage\n'))).toMatch(
      /^\nMessage\nReceived: [^]*?\r\nFrom: a@b\r\nSubject: x\r\nX-New: yes\r\n\r\n\xff\x1b\r\n$/,
    );
    const shown = await runCli(argv, { cwd: scratch({ 'mail.eml': mail }), isTTY: true });
    expect(shown.stdout.slice(shown.stdout.indexOf('Message'))).not.toContain('\x1b\n');
  });

  test('shows with --trace every frame', async () => {
    const { stdout } = await runCli(
      ['send', '--to', await serving(on('rcpt', () => reject('no'))), '--trace', 'mail.eml'],
      { cwd: cwd() },
    );
    expect(stdout).toMatch(/^ {2}mta {4}→ optneg version 6 actions 0x1ff protocol 0x1fffff$/m);
    expect(stdout).toMatch(/^ {2}milter ← optneg version 6 /m);
    expect(stdout).toMatch(/^ {2}mta {4}→ rcpt <bob@example.org>\n {2}milter ← replycode 550 5.7.1 no$/m);
    expect(stdout).toMatch(/^ {2}mta {4}→ quit$/m);
  });

  test('prints with --json one object with all of it and nothing else', async () => {
    const body = Buffer.of(0xff, 0xfe);
    const mail = Buffer.concat([Buffer.from('From: ann@example.com\r\nTo: bob@example.org\r\n\r\n'), body]);
    const { status, stdout, stderr } = await runCli(
      ['send', '--to', await serving(everything), '--json', '-'],
      { stdin: mail },
    );
    expect([status, stderr]).toEqual([0, '']);
    const delivery = JSON.parse(stdout) as Record<string, unknown>;
    expect(delivery).toMatchObject({
      outcome: 'delivered',
      reply: { code: 250, enhanced: '2.0.0' },
      accepted: [{ address: 'bob@example.org', args: [] }],
      refused: [],
      sender: { address: 'bounces@example.com', args: [] },
      recipients: [
        { address: 'bob@example.org', args: [] },
        { address: 'boss@example.org', args: ['NOTIFY=NEVER'] },
      ],
      body: { text: 'Hello Bob,\r\nsee you\r\n' },
      quarantined: null,
      failure: null,
      agreement: { version: 6, lists: {} },
    });
    expect(delivery.steps).toHaveLength(6);
    expect(delivery.headers).toContainEqual({ name: 'X-Top', value: 'first', raw: { text: ' first' } });
    const unchanged = await runCli(['send', '--to', await serving(nothing), '--json', '-'], { stdin: mail });
    expect(JSON.parse(unchanged.stdout)).toMatchObject({ body: { base64: body.toString('base64') } });
  });

  test.each([
    ['delivered', 0, nothing],
    ['quarantined', 0, on('eom', () => quarantine('look at it'))],
    ['discarded', 0, on('data', () => discard())],
    ['refused', 3, on('rcpt', () => reject('no'))],
    ['deferred', 4, on('eom', () => tempfail('later'))],
  ])('ends where the message is %s with %i', async (outcome, status, filter) => {
    const result = await runCli(['send', '--to', await serving(filter), 'mail.eml'], { cwd: cwd() });
    expect([result.status, result.stderr]).toEqual([status, '']);
    expect(result.stdout).toMatch(new RegExp(`^  ${outcome} `, 'm'));
  });

  test('says of changes to a message that was refused that they were not made', async () => {
    const filter = on('eom', () => [addHeader('X-New', 'yes'), reject('no')]);
    const to = await serving(filter);
    const { stdout } = await runCli(['send', '--to', to, 'mail.eml'], { cwd: cwd() });
    // The library sends no changes with a refusal, other milters do.
    expect(stdout).toContain('Changes\n  none\n');
    await using other = await scriptedMilter({ E: [replyFrame('h', 'X-New\0yes\0'), replyFrame('r', '')] });
    const { stdout: told } = await runCli(['send', '--to', other.address, 'mail.eml'], { cwd: cwd() });
    expect(told).toMatch(/^Changes that were wanted, and not made\n {2}add header +X-New: yes$/m);
  });

  test('takes the envelope, the client and macros from its options', async () => {
    const seen: { connect?: Connect; helo?: string; mail?: string; rcpts: Rcpt[]; auth?: string } = {
      rcpts: [],
    };
    const filter = observe(['connect', 'helo', 'mail', 'rcpt'], (event) => {
      if (event.stage === 'connect') seen.connect = event;
      if (event.stage === 'helo') seen.helo = event.name;
      if (event.stage === 'mail') seen.mail = `${event.address} ${event.args.join(' ')}`;
      if (event.stage === 'rcpt') seen.rcpts.push(event);
      seen.auth = event.session.macros.get('auth_authen') ?? '';
    });
    const { status, stdout } = await runCli(
      [
        ['send', '--to', await serving(filter), '--from', '<carl@example.net> SIZE=99'],
        ['--rcpt', 'dora@example.org NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;d@x', '--rcpt', 'eve@example.org'],
        ['--client', 'mail.example.net 192.0.2.7:2525', '--helo', 'me.example.net'],
        ['--macro', 'auth_authen=carl', 'mail.eml'],
      ].flat(),
      { cwd: cwd() },
    );
    expect(status).toBe(0);
    expect(stdout).not.toContain('from the message');
    expect(seen.connect).toMatchObject({
      host: 'mail.example.net',
      family: 'inet',
      address: '192.0.2.7',
      port: 2525,
    });
    expect([seen.helo, seen.mail, seen.auth]).toEqual(['me.example.net', 'carl@example.net SIZE=99', 'carl']);
    expect(seen.rcpts.map(({ address, params }) => [address, params])).toEqual([
      ['dora@example.org', { NOTIFY: 'SUCCESS,FAILURE', ORCPT: 'rfc822;d@x' }],
      ['eve@example.org', {}],
    ]);
  });

  test('tells of a macro that was not asked for', async () => {
    const to = await serving(nothing);
    const { status, stderr } = await runCli(['send', '--to', to, '--macro', 'client_ptr=x', 'mail.eml'], {
      cwd: cwd(),
    });
    expect(status).toBe(0);
    expect(stderr).toContain('the macro {client_ptr} was not sent');
    const asking = await serving(nothing, { macros: { mail: ['{client_ptr}'] } });
    const asked = await runCli(['send', '--to', asking, '--macro', 'client_ptr=x', 'mail.eml'], {
      cwd: cwd(),
    });
    expect(asked.stderr).toBe('');
  });

  test.each([
    ['2', 0x7f],
    ['3', 0x17f],
    ['4', 0x37f],
    ['6', 0x1fffff],
  ])('offers with --protocol %s what Postfix does', async (version, protocol) => {
    const offers: (readonly [number, number])[] = [];
    const to = await serving(nothing, {
      negotiate: (offer) => void offers.push([offer.version, offer.protocol]),
    });
    await runCli(['send', '--to', to, '--protocol', version, 'mail.eml'], { cwd: cwd() });
    expect(offers).toEqual([[Number(version), protocol]]);
  });

  test.each<[mta: string, offer: readonly number[], told: string]>([
    ['postfix', [6, 0x1ff, 0x1fffff], '550 5.7.1 No'],
    ['sendmail', [6, 0x1ff, 0x1fffff], '550 5.7.1 <bob@example.org>... No'],
    ['stalwart', [6, 0xff, 0x42], '550 5.7.1 No'],
    ['maddy', [6, 0x21, 0], '550 5.7.1 Message rejected due to local policy'],
  ])('plays %s with --mta', async (mta, offer, told) => {
    const offers: (readonly number[])[] = [];
    const known = new Set<string>();
    const filter = on('rcpt', ({ session }) => {
      known.add(session.mta);
      return reject('No');
    });
    const to = await serving(filter, {
      negotiate: (one) => void offers.push([one.version, one.actions, one.protocol]),
    });
    const { status, stdout } = await runCli(['send', '--to', to, '--mta', mta, 'mail.eml'], { cwd: cwd() });
    expect([status, [...known], offers]).toEqual([3, [mta], [offer]]);
    expect(stdout).toContain(told);
  });

  test.each([
    ['stalwart', '2', [2, 0xff, 0x42]],
    ['maddy', '4', [4, 0x21, 0]],
  ])('offers for %s with --protocol %s what is left of its offer', async (mta, version, offer) => {
    const offers: (readonly number[])[] = [];
    const to = await serving(nothing, {
      negotiate: (one) => void offers.push([one.version, one.actions, one.protocol]),
    });
    await runCli(['send', '--to', to, '--mta', mta, '--protocol', version, 'mail.eml'], { cwd: cwd() });
    expect(offers).toEqual([offer]);
  });

  test('says in a line that no milter listens there, and ends with 1', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    const { status, stdout, stderr } = await runCli(
      ['send', '--to', `inet:${port}@127.0.0.1`, '--diff', '--message', '--trace', 'mail.eml'],
      { cwd: cwd() },
    );
    expect([status, stdout]).toEqual([1, '']);
    expect(stderr).toBe(
      `rxmilter send: The milter failed at connect (connect): inet:${port}@127.0.0.1: connect ECONNREFUSED 127.0.0.1:${port}.\n`,
    );
  });

  test('says where a milter broke the protocol, and what the client would have been told', async () => {
    await using milter = await scriptedMilter({ R: replyFrame('s', '') });
    const { status, stdout, stderr } = await runCli(['send', '--to', milter.address, 'mail.eml'], {
      cwd: cwd(),
    });
    expect(status).toBe(1);
    expect(stdout).toMatch(/^ {2}rcpt <bob@example.org> +451 4.7.1 /m);
    expect(stderr).toContain('The milter failed at rcpt (protocol): skip is a reply to the body only.');
    const json = await runCli(['send', '--to', milter.address, '--json', 'mail.eml'], { cwd: cwd() });
    expect(json.status).toBe(1);
    expect(JSON.parse(json.stdout)).toMatchObject({ failure: { kind: 'protocol', stage: 'rcpt' } });
  });

  test('waits no longer than --timeout', async () => {
    await using milter = await scriptedMilter({ M: '' });
    const argv = ['send', '--to', milter.address, '--timeout', '0.05', 'mail.eml'];
    const { status, stderr } = await runCli(argv, { cwd: cwd() });
    expect(status).toBe(1);
    expect(stderr).toContain('failed at mail (timeout): it did not reply within 50 ms');
  });

  test.each([
    [['--to', 'nonsense'], 1, "Cannot use 'nonsense' as an endpoint"],
    [['--protocol', '5'], 2, '--protocol 5: mail servers have no such version. Use 2, 3, 4, 6.'],
    [
      ['--mta', 'stalwarts'],
      2,
      '--mta stalwarts: there is no such mail server. Use postfix, sendmail, stalwart, maddy. Did you mean stalwart? See:',
    ],
    [['--mta', 'exim'], 2, 'Use postfix, sendmail, stalwart, maddy. See:'],
    [['--timeout', 'soon'], 2, '--timeout soon is not a time'],
    [['--macro', 'x'], 2, '--macro "x" is no macro'],
    [['--client', 'somewhere'], 2, '--client "somewhere" is no client'],
    [['--rcpt', 'a@b, c@d'], 2, '"c@d" is no ESMTP argument'],
    [['--rcpt', ''], 2, '--rcpt "": there is no address. Write one'],
  ])('says of %j what is wrong with it', async (argv, status, problem) => {
    const all = ['send', '--to', 'inet:1@127.0.0.1', ...argv, 'mail.eml'];
    const result = await runCli(all, { cwd: cwd() });
    expect([result.status, result.stdout]).toEqual([status, '']);
    expect(result.stderr).toContain(problem);
    expect(result.stderr.trimEnd().split('\n')).toHaveLength(1);
  });

  test.each([
    ['nowhere.eml', 1, 'Cannot read nowhere.eml: there is no such file or directory.'],
    ['.', 1, 'Cannot read .: it is a directory.'],
    ['none.eml', 1, 'none.eml is no message. Line 1: "Hello" is no header field'],
    ['anonymous.eml', 2, 'the message has no From: say who sends it with --from'],
    ['recipients.eml', 2, 'the message has no To, Cc or Bcc: say whom it is for with --rcpt'],
    ['empty.eml', 1, 'empty.eml is no message. Line 1: there is no message: the text is empty.'],
    ['nul.eml', 1, 'nul.eml is no message. Line 2: there is a NUL in the header.'],
    ['name.eml', 2, '"Bob Smith" in the From of the message is no address: say who sends it with --from'],
    ['two.eml', 2, '"a@b c@d" in the From of the message is no address: say who sends it'],
    ['control.eml', 2, '"a\\x1b[31m@b" in the From of the message is no address: say who sends it'],
    ['to.eml', 2, '"all of you" in the To of the message is no address: say whom it is for with --rcpt'],
    [
      'long.eml',
      2,
      'aaa…" in the From of the message is no address, with 90004 characters: say who sends it',
    ],
  ])('says of the message %s what is wrong with it', async (file, status, problem) => {
    const files = {
      'none.eml': 'Hello\n',
      'anonymous.eml': 'To: a@b\n\n',
      'recipients.eml': 'From: a@b\n\n',
      'empty.eml': '',
      'nul.eml': 'From: a@b\nX: \0\n\n',
      'name.eml': 'From: Bob Smith\nTo: a@b\n\n',
      'two.eml': 'From: a@b c@d\nTo: a@b\n\n',
      'control.eml': 'From: a\x1b[31m@b\nTo: a@b\n\n',
      'to.eml': 'From: a@b\nTo: all of you\n\n',
      'long.eml': `From: ${'a'.repeat(90_000)}@b.c\nTo: a@b\n\n`,
    };
    const result = await runCli(['send', '--to', 'inet:1@127.0.0.1', file], { cwd: scratch(files) });
    expect(result.status).toBe(status);
    expect(result.stderr).toContain(problem);
    expect(result.stderr.trimEnd().split('\n')).toHaveLength(1);
  });

  test('takes an envelope that is said for a message that names none', async () => {
    const files = { 'mail.eml': 'From: Bob Smith\nTo: all of you\n\nHello\n' };
    const argv = ['send', '--to', await serving(nothing), '--from', '', '--rcpt', 'a@b', 'mail.eml'];
    expect(await runCli(argv, { cwd: scratch(files) })).toMatchObject({ status: 0, stderr: '' });
  });

  test('names the header that is too large for the milter', async () => {
    const files = { 'mail.eml': `From: a@b\nTo: a@b\nX-Big: ${'x'.repeat(1_100_000)}\n\nHello\n` };
    const argv = ['send', '--to', await serving(on('header', () => undefined)), 'mail.eml'];
    const { status, stdout, stderr } = await runCli(argv, { cwd: scratch(files) });
    expect([status, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(
      /^rxmilter send: the message cannot be given to the milter\. The header X-Big has 11000\d\d bytes, and the milter takes at most \d+ at once\. Make it shorter, or leave it out\.\n$/,
    );
  });

  describe('in colour', () => {
    const coloured = async (isTTY: boolean, env: Readonly<Record<string, string>>): Promise<boolean> => {
      const to = await serving(nothing);
      const { stdout } = await runCli(['send', '--to', to, 'mail.eml'], { cwd: cwd(), isTTY, env });
      return stdout.includes('\u001b[');
    };

    test.each([
      [true, {}, true],
      [false, {}, false],
      [true, { NO_COLOR: '1' }, false],
      [true, { NO_COLOR: '' }, true],
      [true, { TERM: 'dumb' }, false],
      [false, { FORCE_COLOR: '1' }, true],
      [true, { FORCE_COLOR: '0' }, false],
    ])('on a terminal (%j) with %j: %j', async (isTTY, env, expected) => {
      expect(await coloured(isTTY, env)).toBe(expected);
    });
  });

  test('shows a terminal nothing that it would obey', async () => {
    const to = await serving(
      compose(
        observe('mail', () => undefined),
        on('eom', () => addHeader('X-Evil', 'a\u009b31mb')),
      ),
    );
    const mail = 'From: "\u001b]0;x\u0007" <a@b>\nTo: c@d\n\n\u001b[2J\n';
    const { stdout } = await runCli(['send', '--to', to, '--diff', '--message', '--trace', '-'], {
      stdin: mail,
      isTTY: true,
      env: { NO_COLOR: '1' },
    });
    expect(stdout).not.toMatch(/[^\P{Cc}\n\t]/u);
    expect(stdout).toContain('X-Evil: a·31mb');
  });

  describe('with controls and turned text in what mail and milter say', () => {
    const OBEYED = /[^\P{Cc}\n\t]|[\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/u;
    const evil = '\u001b]0;x\u0007\u009b2J\u007f\u202eabc\u2066';
    const milter = compose(
      observe('mail', () => undefined),
      on('rcpt', ({ address }) => (address.startsWith('unknown') ? reject(`No ${evil}`) : undefined)),
      on('eom', () => [addHeader('X-Evil', evil), quarantine(evil)]),
    );
    const mail = `From: "${evil}" <a@b>\nTo: <unknown@d>, c@d\nSubject: ${evil}\n\n${evil}\n`;

    test.each([[['--json']], [['--trace', '--diff', '--message']], [['--trace']], [[]]])(
      'shows none of them with %j',
      async (options) => {
        const to = await serving(milter);
        const { stdout, stderr } = await runCli(['send', '--to', to, ...options, '-'], {
          stdin: mail,
          isTTY: true,
          env: { NO_COLOR: '1' },
        });
        expect(stdout).not.toMatch(OBEYED);
        expect(stderr).not.toMatch(OBEYED);
        // As JSON it says the same nevertheless.
        if (options.includes('--json')) expect(JSON.stringify(JSON.parse(stdout))).toContain('\u202eabc');
      },
    );

    test('shows none of them where it fails, and its trace has a line for the message', async () => {
      const argv = [
        'send',
        '--debug',
        '--to',
        'inet:1@127.0.0.1',
        `${evil}\n    at forged (/etc/passwd:1:1)`,
      ];
      const { status, stderr } = await runCli(argv);
      expect(status).toBe(1);
      expect(stderr).not.toMatch(OBEYED);
      expect(stderr).not.toMatch(/^ +at forged/m);
      expect(stderr.split('\n')[0]).toContain('\\x1b]0;x');
    });
  });

  test('is documented with the exit statuses that it has', () => {
    const page = readFileSync(join('docs', 'cli.md'), 'utf8');
    for (const status of [0, 1, 2, 3, 4]) expect(page).toMatch(new RegExp(`^\\| ${status} +\\|`, 'm'));
  });
});
