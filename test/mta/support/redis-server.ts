import { mkdtemp, rm } from 'node:fs/promises';

import { Daemon } from './daemon.js';
import { freePort } from './free-port.js';

/** A Redis of our own, in a throw-away directory, that remembers across restarts. */
export class RedisServer {
  /** Its port of 127.0.0.1, the same after each restart. */
  readonly port: number;
  readonly #dir: string;
  #daemon: Daemon | undefined;

  private constructor(port: number, dir: string) {
    this.port = port;
    this.#dir = dir;
  }

  /** Starts one on a free port. */
  static async start(): Promise<RedisServer> {
    const redis = new RedisServer(await freePort(), await mkdtemp('/var/tmp/rxmilter-redis-'));
    await redis.resume();
    return redis;
  }

  /** Where clients find it. */
  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Starts it again, or lets it go on after {@link RedisServer.halt}. */
  async resume(): Promise<void> {
    if (this.#daemon !== undefined) {
      this.#daemon.signal('SIGCONT');
      return;
    }
    const settings = { port: this.port, bind: '127.0.0.1', dir: this.#dir, save: '', appendonly: 'yes' };
    const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]);
    this.#daemon = await Daemon.start('/usr/bin/redis-server', args, this.port);
  }

  /** Lets it accept connections and answer nobody, as a machine does that hangs. */
  halt(): void {
    this.#daemon?.signal('SIGSTOP');
  }

  /** Ends it, without a farewell for SIGKILL. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    await this.#daemon?.stop(signal);
    this.#daemon = undefined;
  }

  /** The same, and forgets what it has kept. */
  async remove(): Promise<void> {
    await this.stop('SIGKILL');
    await rm(this.#dir, { recursive: true });
  }
}
