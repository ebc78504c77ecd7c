import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { serve, type MilterServer, type ServeOptions } from 'rxmilter';
import { expect } from 'vitest';

import type { MiltertestLog } from './miltertest-log.js';
import { miltertest } from './miltertest.js';

/** A place for the filter under test, and miltertest in front of it. */
export class MiltertestBench {
  /** Errors that the served filters have reported. A test that expects some takes them out. */
  errors: unknown[] = [];
  /**
   * Endpoints to serve a filter on. Over TCP miltertest pauses for 40 ms wherever it writes two frames in a row, so what
   * has many scripts and has no need of TCP goes over the Unix socket.
   */
  readonly endpoints: { readonly inet: string; readonly unix: string };
  readonly #directory = mkdtempSync(join(tmpdir(), 'rxmilter-miltertest-'));
  #servers: MilterServer[] = [];

  constructor() {
    this.endpoints = { inet: 'inet:0@127.0.0.1', unix: `unix:${this.#directory}/milter.sock` };
  }

  /**
   * Serves a filter, has miltertest play a script against it, and stops the server. Over TCP, if nothing else is said.
   *
   * Rejects when the script fails.
   */
  async play(
    filter: Parameters<typeof serve>[0],
    script: string,
    options: Partial<ServeOptions> = {},
  ): Promise<MiltertestLog> {
    const server = await serve(filter, {
      listen: this.endpoints.inet,
      onError: (error) => this.errors.push(error),
      ...options,
    });
    this.#servers.push(server);
    const log = await miltertest(server.address, script);
    await server.close();
    return log;
  }

  /** Ends what a failed test has left open, and fails when a filter has complained of anything. */
  async settle(): Promise<void> {
    for (const server of this.#servers) server.destroy();
    await Promise.all(this.#servers.map((server) => server.close()));
    const { errors } = this;
    this.#servers = [];
    this.errors = [];
    expect(errors, 'errors that the filter has reported').toEqual([]);
  }

  /** Leaves nothing behind. */
  async stop(): Promise<void> {
    await rm(this.#directory, { recursive: true });
  }
}
