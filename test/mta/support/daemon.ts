import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';

import { eventually } from './eventually.js';
import { isListening } from './is-listening.js';
import { watchdog } from './watchdog.js';

/** A server that is no mail server, in a process of its own; it ends with the test run at the latest. */
export class Daemon {
  readonly #child: ChildProcess;
  readonly #dog: ChildProcess;
  readonly #ended: Promise<unknown>;

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.#dog = watchdog(child.pid ?? 0);
    this.#ended = once(child, 'exit');
  }

  /** Starts a program that stays in the foreground, and waits until it listens on that port of 127.0.0.1. */
  static async start(program: string, args: readonly string[], port: number): Promise<Daemon> {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    const hear = (chunk: Buffer): void => {
      if (said.length < 10_000) said += chunk.toString();
    };
    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
    const daemon = new Daemon(child);
    await eventually(`${program} on port ${port}`, () => {
      if (child.exitCode !== null) throw new Error(`${program}: status ${child.exitCode}\n${said}`);
      return isListening(port);
    });
    return daemon;
  }

  /** Sends it a signal, such as SIGSTOP. */
  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Ends it, with SIGTERM if nothing else is said, and waits for that. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    this.#child.kill(signal);
    this.#child.kill('SIGCONT'); // one that was halted does not even end
    await this.#ended;
    this.#dog.stdin?.end();
  }
}
