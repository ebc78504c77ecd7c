import { spawn, type ChildProcess } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { runCli } from '../../cli/support/run-cli.js';
import { eventually } from '../support/eventually.js';
import { freePort } from '../support/free-port.js';
import { isListening } from '../support/is-listening.js';
import { mtaRequired } from '../support/requirements.js';
import { watchdog } from '../support/watchdog.js';

const PROGRAM = '/usr/sbin/opendkim';
const DOMAIN = 'signer.example';

const missing = existsSync(PROGRAM)
  ? undefined
  : `OpenDKIM is not installed (no ${PROGRAM}); run test/mta/install.sh`;
if (missing !== undefined) console.warn(`SKIPPED: rxmilter send is not tried with OpenDKIM: ${missing}`);

describe.skipIf(missing !== undefined && !mtaRequired())(`rxmilter send, to OpenDKIM`, () => {
  const running: { child: ChildProcess; dog: ChildProcess }[] = [];
  let dir = '';
  let signer = '';
  let verifier = '';

  /** Starts it in the foreground, without DNS; resolves with its address when it listens. */
  async function start(name: string, settings: readonly string[]): Promise<string> {
    const port = await freePort();
    const common = ['AutoRestart no', 'Syslog no', 'RequireSafeKeys no', `TestPublicKeys ${dir}/public-keys`];
    const lines = [`Socket inet:${port}@127.0.0.1`, ...common, ...settings, ''];
    await writeFile(`${dir}/${name}.conf`, lines.join('\n'));
    const child = spawn(PROGRAM, ['-f', '-x', `${dir}/${name}.conf`], { stdio: 'ignore' });
    running.push({ child, dog: watchdog(child.pid ?? 0) });
    await eventually('OpenDKIM', () => {
      if (child.exitCode !== null) throw new Error(`OpenDKIM has ended with status ${child.exitCode}`);
      return isListening(port);
    });
    return `inet:${port}@127.0.0.1`;
  }

  beforeAll(async () => {
    if (missing !== undefined) throw new Error(missing);
    dir = await mkdtemp('/var/tmp/rxmilter-cli-');
    const { privateKey, publicKey } = generateKeyPairSync('rsa', {
      modulusLength: 2048,
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
      publicKeyEncoding: { type: 'spki', format: 'der' },
    });
    await writeFile(`${dir}/key.pem`, privateKey, { mode: 0o600 });
    const record = `v=DKIM1; k=rsa; p=${publicKey.toString('base64')}`;
    await writeFile(`${dir}/public-keys`, `test._domainkey.${DOMAIN} ${record}\n`);
    const signing = [`Domain ${DOMAIN}`, 'Selector test', `KeyFile ${dir}/key.pem`];
    // Every byte counts with simple/simple, blanks in headers included.
    signer = await start('sign', ['Mode s', 'Canonicalization simple/simple', ...signing]);
    verifier = await start('verify', ['Mode v', 'AlwaysAddARHeader yes', 'AuthservID verifier.example']);
  });

  afterAll(async () => {
    for (const { child, dog } of running) {
      const ended = once(child, 'exit');
      // Asked to end, it takes seconds to notice; there is nothing that it would have to save.
      child.kill('SIGKILL');
      await ended;
      dog.stdin?.end();
    }
    if (dir !== '') await rm(dir, { recursive: true });
  });

  const mail = [
    `From: Ann <ann@${DOMAIN}>`,
    'To: bob@example.org',
    'Subject:  two  blanks,',
    '\tfolded',
    'Date: Thu, 1 Jan 2026 00:00:00 +0000',
    '',
    '.dots, and blanks at the end of a line  ',
    '',
    '',
    '',
  ].join('\n');
  // OpenDKIM signs for clients of its own machine.
  const ours = ['--client', 'localhost 127.0.0.1'];

  test('shows the signature that it adds', async () => {
    const { status, stdout, stderr } = await runCli(['send', '--to', signer, ...ours, '--diff', '-'], {
      stdin: mail,
    });
    expect([status, stderr]).toEqual([0, '']);
    const signature = `DKIM-Signature: v=1; a=rsa-sha256; c=simple/simple; d=${DOMAIN};`;
    expect(stdout).toMatch(new RegExp(`^ {2}insert header at \\d+ +${signature}\\s+s=test; t=\\d+;$`, 'm'));
    expect(stdout).toMatch(/^ {2}delivered +from </m);
    expect(stdout).toMatch(new RegExp(`^\\+${signature}\\n\\+\\ts=test; t=\\d+;$`, 'm'));
  });

  test('gives a message on whose signature another one calls good, and one byte less makes bad', async () => {
    const { status, stdout } = await runCli(['send', '--to', signer, ...ours, '--json', '-'], {
      stdin: mail,
    });
    expect(status).toBe(0);
    const { message } = JSON.parse(stdout) as { message: { text: string } };
    for (const [text, result] of [
      [message.text, 'pass'],
      [message.text.replace('two  blanks', 'two blanks'), 'fail'],
    ] as const) {
      const verified = await runCli(['send', '--to', verifier, '-'], { stdin: text });
      expect(verified.status).toBe(0);
      expect(verified.stdout).toMatch(/insert header at \d+ +Authentication-Results: verifier.example;$/m);
      expect(verified.stdout).toMatch(new RegExp(`dkim=${result}\\b.* header\\.d=${DOMAIN}`));
    }
  });

  test('signs nothing for others, and is asked with each version of the protocol', async () => {
    for (const version of ['2', '3', '4', '6']) {
      const argv = ['send', '--to', signer, '--protocol', version, '--client', 'x.example 192.0.2.1', '-'];
      const { status, stdout } = await runCli(argv, { stdin: mail });
      expect(status).toBe(0);
      expect(stdout).toContain('Changes\n  none\n');
      expect(stdout).toMatch(new RegExp(`^ {2}protocol version +${version}$`, 'm'));
    }
  });
});
