import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { serve, type MilterServer, type SessionOptions, type Stage } from 'rxmilter';
import { expect } from 'vitest';

import { watchdog } from '../../support/watchdog.js';
import { within } from '../../support/within.js';
import { filter } from '../filter.js';
import { buildFilter } from './build-filter.js';

/** What both filters are to be. */
export interface Setup {
  /** Stages whose events they decide. */
  readonly decided: readonly Stage[];
  /** Stages at which they only look. */
  readonly observed?: readonly Stage[];
  /** How the one on libmilter negotiates; see `filter.c`. */
  readonly mode?: 'plain' | 'all' | 'own';
  /** The rights that the one on libmilter asks for. */
  readonly actions?: number;
  /** Macros for libmilter to ask for: the number of the stage and their names. */
  readonly lists?: readonly (readonly [stage: number, names: string])[];
  readonly options?: SessionOptions;
}

const LETTERS: Readonly<Record<Stage, string>> = {
  connect: 'C',
  helo: 'H',
  mail: 'M',
  rcpt: 'R',
  data: 'T',
  header: 'L',
  eoh: 'N',
  body: 'B',
  eom: 'E',
  unknown: 'U',
};

/** The same filter twice: on libmilter, and on rxmilter. */
export class Pair {
  /** What went wrong in the filter on rxmilter; whoever expects something takes it out. */
  readonly errors: string[] = [];
  readonly libmilter: string;
  readonly rxmilter: string;
  readonly #directory: string;
  readonly #stop: (() => Promise<unknown>)[] = [];

  private constructor(directory: string) {
    this.#directory = directory;
    this.libmilter = `${directory}/libmilter`;
    this.rxmilter = `${directory}/rxmilter`;
  }

  static async start(setup: Setup): Promise<Pair> {
    const program = await buildFilter();
    const pair = new Pair(await mkdtemp(`${tmpdir()}/rxmilter-differential-`));
    try {
      const child = spawn(program, pair.#arguments(setup), { stdio: ['ignore', 'pipe', 'inherit'] });
      pair.#stop.push(() => kill(child));
      await within(once(child.stdout, 'data'), () => 'the filter on libmilter to listen');
      const guard = watchdog(child.pid ?? 0);
      // It must not do its work when the number may be another process's.
      pair.#stop.unshift(() => dismiss(guard));
      const server = await pair.#serve(setup);
      pair.#stop.push(() => server.close());
      return pair;
    } catch (error) {
      await pair.stop();
      throw error;
    }
  }

  async stop(): Promise<void> {
    for (const stop of this.#stop) await stop();
    await rm(this.#directory, { recursive: true, force: true });
  }

  /** Fails where rxmilter has reported an error that no test has taken out. */
  settle(): Promise<void> {
    expect(this.takeErrors()).toEqual([]);
    return Promise.resolve();
  }

  /** All errors so far, taken out. */
  takeErrors(): string[] {
    return this.errors.splice(0);
  }

  #arguments({ decided, observed = [], mode = 'own', actions = 0xff, lists = [] }: Setup): string[] {
    const letters = (stages: readonly Stage[]): string =>
      stages.map((stage) => LETTERS[stage]).join('') || '-';
    const asked = lists.map(([stage, names]) => `${stage}=${names}`);
    const endpoint = `unix:${this.libmilter}`;
    return [endpoint, letters(decided), letters(observed), actions.toString(16), mode, ...asked];
  }

  #serve({ decided, observed = [], options = {} }: Setup): Promise<MilterServer> {
    return serve(filter(decided, observed), {
      ...options,
      listen: `unix:${this.rxmilter}`,
      onError: (error) => void this.errors.push(`${error.name}: ${error.message}`),
    });
  }
}

/** libmilter takes seconds to stop by itself. */
async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

async function dismiss(guard: ChildProcess): Promise<void> {
  const ended = once(guard, 'exit');
  guard.kill('SIGKILL');
  guard.stdin?.destroy();
  await ended;
}
