import { onTestFinished } from 'vitest';

import { builtPackage, type BuiltPackage } from '../support/built-package.js';
import { freePort } from '../support/free-port.js';
import { HaProxy } from '../support/haproxy.js';
import type { PostfixBench } from '../support/postfix-bench.js';
import { Program } from '../support/program.js';
import { RedisServer } from '../support/redis-server.js';

/** What the policies of a filter process are set to. */
export interface SharedSettings {
  /** Of the greylist, in milliseconds. Default 1. */
  readonly delay?: number;
  /** Of messages of a client. Default: more than a test sends. */
  readonly limit?: number;
  /** Default `tempfail`. */
  readonly away?: 'pass' | 'tempfail';
  /** How long Redis may take for an answer, in milliseconds. Default 2000, the policies' own. */
  readonly timeout?: number;
}

const FILTER = 'test/mta/machines/shared-filter.mjs';

/** A Redis, and processes with filters that share what is in it. All but Redis end with the test. */
export class SharedBench {
  readonly redis: RedisServer;
  readonly #built: BuiltPackage;

  private constructor(redis: RedisServer, built: BuiltPackage) {
    this.redis = redis;
    this.#built = built;
  }

  static async start(): Promise<SharedBench> {
    return new SharedBench(await RedisServer.start(), await builtPackage());
  }

  /** Starts a process that serves at that address, and waits until it does and has found Redis. */
  async filterAt(address: string, settings: SharedSettings = {}): Promise<Program> {
    const filter = new Program([...this.#built.flags, FILTER, address], this.#environment(settings));
    onTestFinished(async () => {
      await filter.stop('SIGKILL');
    });
    await filter.says(/^Listening/);
    return filter;
  }

  /** Starts a supervisor with so many workers, and waits until they serve. */
  async workersAt(address: string, workers: number, settings: SharedSettings = {}): Promise<Program> {
    const args = ['examples/cluster.mjs', '--workers', String(workers), FILTER, address];
    const cluster = new Program([...this.#built.flags, ...args], this.#environment(settings));
    onTestFinished(async () => {
      await cluster.stop();
    });
    await cluster.says(/has its workers/);
    return cluster;
  }

  /** Starts two processes that a HAProxy takes in turn, which listens where the filter of that bench is looked for. */
  async machines(bench: PostfixBench, settings: SharedSettings = {}): Promise<Machine[]> {
    const machines: Machine[] = [];
    for (const port of [await freePort(), await freePort()]) {
      const address = `inet:${port}@127.0.0.1`;
      machines.push({
        port,
        filter: await this.filterAt(address, settings),
        again: () => this.filterAt(address, settings),
      });
    }
    const front = Number(/\d+/.exec(bench.milter.inet)?.[0]);
    const proxy = await HaProxy.start(
      machines.map(({ port }) => port),
      front,
    );
    onTestFinished(() => proxy.stop());
    return machines;
  }

  async stop(): Promise<void> {
    await this.redis.remove();
    await this.#built.remove();
  }

  #environment({
    delay = 1,
    limit = 1_000_000,
    away = 'tempfail',
    timeout = 2000,
  }: SharedSettings): NodeJS.ProcessEnv {
    return {
      REDIS_URL: this.redis.url,
      DELAY: String(delay),
      LIMIT: String(limit),
      AWAY: away,
      TIMEOUT: String(timeout),
    };
  }
}

/** A filter process that a proxy knows. */
export interface Machine {
  readonly port: number;
  readonly filter: Program;
  /** Starts it again. */
  again(): Promise<Program>;
}
