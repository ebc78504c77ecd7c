import { mkdtemp, rm, writeFile } from 'node:fs/promises';

import { Daemon } from './daemon.js';
import { freePort } from './free-port.js';

/** A HAProxy of our own that hands connections to several filters in turn. */
export class HaProxy {
  /** Its port of 127.0.0.1. */
  readonly port: number;
  readonly #dir: string;
  readonly #daemon: Daemon;

  private constructor(port: number, dir: string, daemon: Daemon) {
    this.port = port;
    this.#dir = dir;
    this.#daemon = daemon;
  }

  /**
   * Starts one.
   *
   * @param port where it is to listen on 127.0.0.1; by default a free one
   * @param backends the ports of the filters on 127.0.0.1, taken in turn
   */
  static async start(backends: readonly number[], port?: number): Promise<HaProxy> {
    const own = port ?? (await freePort());
    const dir = await mkdtemp('/var/tmp/rxmilter-haproxy-');
    const file = `${dir}/haproxy.cfg`;
    await writeFile(file, configuration(own, backends));
    const daemon = await Daemon.start('/usr/sbin/haproxy', ['-W', '-db', '-q', '-f', file], own);
    return new HaProxy(own, dir, daemon);
  }

  /** Ends it. */
  async stop(): Promise<void> {
    await this.#daemon.stop();
    await rm(this.#dir, { recursive: true });
  }
}

function configuration(port: number, backends: readonly number[]): string {
  return `
global
  maxconn 500
defaults
  mode tcp
  timeout connect 2s
  timeout client 1h
  timeout server 1h
  option redispatch 1
  retries 3
listen milters
  bind 127.0.0.1:${port}
  balance roundrobin
  # the offer of a mail server, and the first bytes of the answer of a filter
  option tcp-check
  tcp-check send-binary 0000000d4f00000006000001ff001fffff
  tcp-check expect rbinary ^000000..4F
  default-server inter 500ms fall 1 rise 1 on-marked-down shutdown-sessions
${backends.map((backend, at) => `  server milter${at + 1} 127.0.0.1:${backend} check\n`).join('')}`;
}
