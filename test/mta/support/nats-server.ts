import { Daemon } from './daemon.js';
import { freePort } from './free-port.js';

/** A NATS server of our own. */
export class NatsServer {
  /** Its port of 127.0.0.1, the same after each restart. */
  readonly port: number;
  #daemon: Daemon | undefined;

  private constructor(port: number) {
    this.port = port;
  }

  /** Starts one on a free port. */
  static async start(): Promise<NatsServer> {
    const nats = new NatsServer(await freePort());
    await nats.resume();
    return nats;
  }

  /** Where clients find it. */
  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Starts it again. */
  async resume(): Promise<void> {
    this.#daemon = await Daemon.start(
      '/usr/sbin/nats-server',
      ['--addr', '127.0.0.1', '--port', `${this.port}`],
      this.port,
    );
  }

  /** Ends it. */
  async stop(): Promise<void> {
    await this.#daemon?.stop('SIGKILL');
    this.#daemon = undefined;
  }
}
