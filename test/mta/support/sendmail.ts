import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { Duplex } from 'node:stream';
import { fileURLToPath } from 'node:url';

import { eventually } from './eventually.js';
import { freePort } from './free-port.js';
import { isListening } from './is-listening.js';
import { SENDMAIL } from './places.js';
import { processGroup } from './process-group.js';
import { run } from './run.js';
import { sendmailMc, type SendmailFilters, type SendmailListener } from './sendmail-config.js';
import { SendmailQueue } from './sendmail-queue.js';
import { Version } from './version.js';
import { watchdog } from './watchdog.js';

const SHIM = fileURLToPath(new URL('sendmail-shim.c', import.meta.url));

/** What a private Sendmail is started with. */
export interface SendmailOptions<Name extends string> {
  /** An empty directory, see {@link Sendmail.directory}. */
  readonly dir: string;
  /** Port of 127.0.0.1 to which all mail is handed on. */
  readonly relayPort: number;
  readonly filters: SendmailFilters;
  /** The SMTP ports to listen on, by name. */
  readonly listeners: Readonly<Record<Name, Omit<SendmailListener, 'port'>>>;
}

/** A Sendmail of our own in a throw-away directory, on loopback and free ports. Needs root. */
export class Sendmail<Name extends string = string> {
  /** The port of each listener. */
  readonly ports: Readonly<Record<Name, number>>;
  readonly queue: SendmailQueue;
  readonly version: Version;
  readonly #dir: string;
  readonly #daemon: number;
  readonly #watchdog: ChildProcess;

  private constructor(dir: string, ports: Record<Name, number>, daemon: number, version: string) {
    this.#dir = dir;
    this.ports = ports;
    this.#daemon = daemon;
    this.version = new Version(version);
    this.queue = new SendmailQueue(dir);
    this.#watchdog = watchdog(daemon);
  }

  /** Makes a directory for one Sendmail; nobody but root may write to it, nor to any above it. */
  static async directory(): Promise<string> {
    const dir = await mkdtemp(`${SENDMAIL.runs}/run-`);
    await chmod(dir, 0o755);
    return dir;
  }

  /** Starts it and waits until all its listeners are there. */
  static async start<Name extends string>(options: SendmailOptions<Name>): Promise<Sendmail<Name>> {
    const { dir } = options;
    const listeners: (SendmailListener & { name: Name })[] = [];
    for (const name of Object.keys(options.listeners) as Name[])
      listeners.push({ ...options.listeners[name], name, port: await freePort() });

    await mkdir(`${dir}/queue`, { mode: 0o700 });
    for (const name of ['empty', 'aliases', 'log']) await writeFile(`${dir}/${name}`, '');
    await writeFile(`${dir}/service.switch`, 'passwd\tfiles\nhosts\tfiles\naliases\tfiles\n');
    await writeFile(`${dir}/test.mc`, sendmailMc(dir, options.relayPort, options.filters, listeners));
    const cf = await run('/usr/bin/m4', [
      `-D_CF_DIR_=${SENDMAIL.cf}`,
      `${SENDMAIL.cf}m4/cf.m4`,
      `${dir}/test.mc`,
    ]);
    await writeFile(`${dir}/sendmail.cf`, cf);
    await run('/usr/bin/cc', ['-shared', '-fPIC', '-w', '-o', `${dir}/shim.so`, SHIM]);
    // without its table of aliases it keeps local mail instead of refusing recipients that it does not know
    await run(SENDMAIL.program, ['-C', `${dir}/sendmail.cf`, '-bi'], '', environment(dir));

    const about = await run(
      SENDMAIL.program,
      ['-C', `${dir}/sendmail.cf`, '-d0.1', '-bt'],
      '',
      environment(dir),
    );
    const version = /^Version (\S+)/m.exec(about.toString())?.[1] ?? '';

    const output = await open(`${dir}/output`, 'w');
    const daemon = spawn(SENDMAIL.program, ['-C', `${dir}/sendmail.cf`, '-bD'], {
      stdio: ['ignore', output.fd, output.fd],
      env: environment(dir),
      detached: true, // a process group, by which all processes of its sessions are found
    });
    await output.close();
    const ports = Object.fromEntries(listeners.map(({ name, port }) => [name, port])) as Record<Name, number>;
    const sendmail = new Sendmail<Name>(dir, ports, daemon.pid ?? 0, version);
    // it opens them in the order in which they are configured
    await eventually('the SMTP listeners', async () => {
      if (daemon.exitCode !== null) {
        const said = await readFile(`${dir}/output`, 'utf8');
        throw new Error(`sendmail: ${daemon.exitCode}\n${said}\n${sendmail.log().join('\n')}`);
      }
      return listeners.every(({ port, host }) => host !== undefined || isListening(port));
    });
    return sendmail;
  }

  /** All lines that it has logged; each is there before the process that wrote it goes on. */
  log(): string[] {
    return readFileSync(`${this.#dir}/log`, 'utf8').split('\n').slice(0, -1);
  }

  /** Waits until every SMTP session and every delivery has ended. */
  async sessionsEnded(): Promise<void> {
    await eventually('the end of all SMTP sessions', () => processGroup(this.#daemon).length === 1);
  }

  /**
   * The other end of an SMTP session on its standard input and output (`sendmail -bs`), as programs on the same machine
   * have it: over a pair of sockets, which is what Node connects children with, or over real pipes.
   */
  stdio(over: 'sockets' | 'pipes'): Duplex {
    const command = [SENDMAIL.program, '-C', `${this.#dir}/sendmail.cf`, '-bs'];
    const [program = '', ...args] =
      over === 'sockets' ? command : ['/bin/sh', '-c', 'cat | "$0" "$@" | cat', ...command];
    const { stdin, stdout } = spawn(program, args, {
      stdio: ['pipe', 'pipe', 'ignore'],
      env: environment(this.#dir),
    });
    const both = Duplex.from({ writable: stdin, readable: stdout });
    both.once('end', () => both.destroy()); // as a socket that the other side has closed
    return both;
  }

  /** Stops it, waits for the end of all its processes, and removes its directory. */
  async stop(): Promise<void> {
    this.#watchdog.stdin?.end();
    await eventually('the end of Sendmail', () => processGroup(this.#daemon).length === 0);
    await rm(this.#dir, { recursive: true, force: true });
  }
}

function environment(dir: string): NodeJS.ProcessEnv {
  return { PATH: process.env.PATH, LD_PRELOAD: `${dir}/shim.so`, RXMILTER_SYSLOG: `${dir}/log` };
}
