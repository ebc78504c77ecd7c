import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';

import { eventually } from './eventually.js';
import { watchdog } from './watchdog.js';

/** A program that runs beside the test; it ends with the test run at the latest. */
export class Program {
  /** What it has written so far, to both outputs, line by line. */
  readonly lines: string[] = [];
  readonly #child: ChildProcess;
  readonly #dog: ChildProcess;
  readonly #ended: Promise<unknown[]>;
  #rest = '';

  /** Starts Node, or another program, with these arguments. */
  constructor(args: readonly string[], env: NodeJS.ProcessEnv = {}, program = process.execPath) {
    const child = spawn(program, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NODE_OPTIONS: '', ...env },
    });
    this.#child = child;
    this.#dog = watchdog(child.pid ?? 0);
    this.#ended = once(child, 'close');
    for (const output of [child.stdout, child.stderr])
      output.on('data', (chunk) => this.#hear(String(chunk)));
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Those of its lines that are like this. */
  said(pattern: RegExp): string[] {
    return this.lines.filter((line) => pattern.test(line));
  }

  /** Waits until it has written so many lines like this, and gives them. */
  async says(pattern: RegExp, count = 1): Promise<string[]> {
    try {
      return await eventually(`${count} lines like ${String(pattern)}`, () => {
        const found = this.said(pattern);
        if (found.length >= count) return found;
        if (this.#child.exitCode !== null) throw new Error('the program has ended');
        return undefined;
      });
    } catch (error) {
      throw new Error(`it said:\n${this.lines.join('\n')}`, { cause: error });
    }
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Waits for its end; gives its status, or the signal that ended it. */
  async ended(): Promise<unknown> {
    const [status, signal] = await this.#ended;
    this.#dog.stdin?.end();
    return status ?? signal;
  }

  /** Ends it, and waits for that. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<unknown> {
    this.#child.kill(signal);
    this.#child.kill('SIGCONT');
    return this.ended();
  }

  #hear(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    this.lines.push(...lines);
  }
}
