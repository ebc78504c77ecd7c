import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';

import { eventually } from './eventually.js';
import { freePort } from './free-port.js';
import { isListening } from './is-listening.js';
import { Maillog } from './maillog.js';
import { POSTFIX } from './places.js';
import { mainCf, masterCf, type Listener } from './postfix-config.js';
import { PostfixQueue } from './postfix-queue.js';
import { processGroup } from './process-group.js';
import { run } from './run.js';
import { Version } from './version.js';
import { watchdog } from './watchdog.js';
import { writeOld } from './write-old.js';

/** Settings in the way of `main.cf`. */
export type PostfixSettings = Readonly<Record<string, string>>;

/** What a private Postfix is started with. */
export interface PostfixOptions<Name extends string> {
  /** An empty directory that everybody may search, see {@link Postfix.directory}. */
  readonly dir: string;
  /** Port of 127.0.0.1 to which all mail is handed on. */
  readonly relayPort: number;
  /** Additions to `main.cf`. */
  readonly settings?: PostfixSettings;
  /** The SMTP servers to start, by name, each with the settings of its own. */
  readonly listeners: Readonly<Record<Name, PostfixSettings>>;
  /** Those of them that run in a chroot, as on Debian: they see nothing but `queue` below `dir`. Default: none. */
  readonly confined?: readonly Name[];
}

/** A Postfix of our own in a throw-away directory, on loopback and free ports. Needs root. */
export class Postfix<Name extends string = string> {
  /** The port of each listener. */
  readonly ports: Readonly<Record<Name, number>>;
  readonly log: Maillog;
  readonly queue: PostfixQueue;
  readonly version: Version;
  readonly #dir: string;
  readonly #master: number;
  readonly #watchdog: ChildProcess;

  private constructor(dir: string, ports: Record<Name, number>, master: number, version: string) {
    this.#dir = dir;
    this.version = new Version(version);
    this.ports = ports;
    this.#master = master;
    this.log = new Maillog(dir);
    this.queue = new PostfixQueue(dir);
    this.#watchdog = watchdog(master);
  }

  /** Makes a directory for one Postfix; its users (postfix, root) must all get into it. */
  static async directory(): Promise<string> {
    const dir = await mkdtemp('/var/tmp/rxmilter-mta-');
    await chmod(dir, 0o755);
    return dir;
  }

  /** Starts it and waits until all its listeners are there. */
  static async start<Name extends string>(options: PostfixOptions<Name>): Promise<Postfix<Name>> {
    const { dir } = options;
    const names = Object.keys(options.listeners) as Name[];
    const listeners: (Listener & { name: Name })[] = [];
    for (const name of names) {
      const confined = options.confined?.includes(name) ?? false;
      listeners.push({ name, port: await freePort(), settings: options.listeners[name], confined });
    }

    await Promise.all(['etc', 'queue', 'data'].map((name) => mkdir(`${dir}/${name}`)));
    const owner = Number((await run('/usr/bin/id', ['-u', 'postfix'])).toString());
    await chown(`${dir}/data`, owner, 0);
    await writeOld(`${dir}/etc/main.cf`, mainCf(dir, options.relayPort, options.settings ?? {}));
    await writeOld(`${dir}/etc/master.cf`, masterCf(listeners));

    // its output would be inherited by the daemon, hence no pipe
    const starter = spawn(`${POSTFIX.commands}/postfix`, ['-c', `${dir}/etc`, 'start'], { stdio: 'ignore' });
    const [status] = (await once(starter, 'exit')) as [number | null];
    if (status !== 0)
      throw new Error(`postfix start: ${String(status)}\n${new Maillog(dir).lines().join('\n')}`);
    const master = Number(await readFile(`${dir}/queue/pid/master.pid`, 'latin1'));
    const ports = Object.fromEntries(listeners.map(({ name, port }) => [name, port])) as Record<Name, number>;
    const version = (
      await run(`${POSTFIX.commands}/postconf`, ['-c', `${dir}/etc`, '-h', 'mail_version'])
    ).toString();
    const postfix = new Postfix<Name>(dir, ports, master, version);
    await eventually('the SMTP listeners', () => listeners.every(({ port }) => isListening(port)));
    return postfix;
  }

  /** Hands in a message as a local program does, with `sendmail`. */
  async submit(from: string, to: readonly string[], message: string | Uint8Array): Promise<void> {
    await run(
      `${POSTFIX.commands}/sendmail`,
      ['-C', `${this.#dir}/etc`, '-i', '-f', from, '--', ...to],
      message,
    );
  }

  /** Stops it, waits for the end of all its processes, and removes its directory. */
  async stop(): Promise<void> {
    this.#watchdog.stdin?.end();
    await eventually('the end of Postfix', () => processGroup(this.#master).length === 0);
    await rm(this.#dir, { recursive: true, force: true });
  }
}
