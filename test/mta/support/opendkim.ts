import { spawn, type ChildProcess } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises';

import { parseEndpoint } from '../../../src/transport/sockets/endpoint.js';
import { eventually } from './eventually.js';
import { isListening } from './is-listening.js';
import { watchdog } from './watchdog.js';

const PROGRAM = '/usr/sbin/opendkim';

/** Says what is missing on this machine for running OpenDKIM, or `undefined` when nothing is. */
export function missingForOpenDkim(): string | undefined {
  return existsSync(PROGRAM)
    ? undefined
    : `OpenDKIM is not installed (no ${PROGRAM}); run test/mta/install.sh`;
}

/** A key, and OpenDKIMs that sign with it or verify by it; it asks no name server. */
export class OpenDkim {
  /** The domain that is signed for, by the From header. */
  readonly domain = 'src.example';
  /** What DNS would have as `test._domainkey` of that. */
  readonly record: string;
  readonly #dir: string;
  readonly #running: { child: ChildProcess; dog: ChildProcess; ended: Promise<unknown> }[] = [];

  private constructor(dir: string, record: string) {
    this.#dir = dir;
    this.record = record;
  }

  /** Makes the key. */
  static async make(): Promise<OpenDkim> {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', {
      modulusLength: 2048,
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
      publicKeyEncoding: { type: 'spki', format: 'der' },
    });
    const record = `v=DKIM1; k=rsa; p=${publicKey.toString('base64')}`;
    const dkim = new OpenDkim(await mkdtemp('/var/tmp/rxmilter-dkim-'), record);
    await writeFile(dkim.#path('key.pem'), privateKey, { mode: 0o600 });
    await dkim.know(`test._domainkey.${dkim.domain}`, record);
    return dkim;
  }

  /** Has those that are started from now on find another key. */
  async know(name: string, record: string): Promise<void> {
    await appendFile(this.#path('public-keys'), `${name} ${record}\n`);
  }

  /** Starts a milter at that address (TCP, 127.0.0.1) that signs the mail of the domain, every byte of it. */
  sign(address: string, canonicalization = 'simple/simple'): Promise<void> {
    return this.#start(address, 's', [
      `Domain ${this.domain}`,
      'Selector test',
      `KeyFile ${this.#path('key.pem')}`,
      `Canonicalization ${canonicalization}`,
    ]);
  }

  /** Starts a milter at that address that writes into each message what its signature is worth. */
  verify(address: string): Promise<void> {
    return this.#start(address, 'v', ['AlwaysAddARHeader yes', 'AuthservID verifier.example']);
  }

  /** Ends those that were started. */
  async stop(): Promise<void> {
    for (const { child, dog, ended } of this.#running.splice(0)) {
      // It has nothing to finish, and takes five seconds to notice that it is asked to.
      child.kill('SIGKILL');
      await ended;
      dog.stdin?.end();
    }
  }

  /** The same, and forgets the key. */
  async remove(): Promise<void> {
    await this.stop();
    await rm(this.#dir, { recursive: true });
  }

  async #start(address: string, mode: 's' | 'v', settings: readonly string[]): Promise<void> {
    const endpoint = parseEndpoint(address);
    if (endpoint.family !== 'inet') throw new Error(`not a TCP address: ${address}`);
    const config = await this.#config(mode, mode, [`Socket inet:${endpoint.port}@127.0.0.1`, ...settings]);
    const child = spawn(PROGRAM, ['-f', '-x', config], { stdio: 'ignore' });
    const ended = once(child, 'exit');
    this.#running.push({ child, dog: watchdog(child.pid ?? 0), ended });
    await eventually('OpenDKIM', () => {
      if (child.exitCode !== null) throw new Error(`OpenDKIM has ended with status ${child.exitCode}`);
      return isListening(endpoint.port);
    });
  }

  async #config(name: string, mode: 's' | 'v', settings: readonly string[]): Promise<string> {
    const file = this.#path(`${name}.conf`);
    const common = [`Mode ${mode}`, 'AutoRestart no', 'Syslog no', 'RequireSafeKeys no'];
    const keys = `TestPublicKeys ${this.#path('public-keys')}`;
    await writeFile(file, [...common, keys, ...settings, ''].join('\n'));
    return file;
  }

  #path(name: string): string {
    return `${this.#dir}/${name}`;
  }
}
