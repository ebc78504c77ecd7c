import { expect } from 'vitest';
import { serve, type MilterServer, type ServeOptions } from '../../../src/index.js';
import { miltertest } from './miltertest.js';
import type { MiltertestLog } from './miltertest-log.js';

/** A place for the filter under test, and miltertest in front of it. */
export class MiltertestBench {
  /** Errors that the served filters have reported. A test that expects some takes them out. */
  errors: unknown[] = [];
  #servers: MilterServer[] = [];

  /** Serves a filter until the end of the test, on a free port if nothing else is said. */
  async serve(
    filter: Parameters<typeof serve>[0],
    options: Partial<ServeOptions> = {},
  ): Promise<MilterServer> {
    const server = await serve(filter, {
      listen: 'inet:0@127.0.0.1',
      onError: (error) => this.errors.push(error),
      ...options,
    });
    this.#servers.push(server);
    return server;
  }

  /** Serves a filter and has miltertest play a script against it; rejects when that fails. */
  async play(
    filter: Parameters<typeof serve>[0],
    script: string,
    options: Partial<ServeOptions> = {},
  ): Promise<MiltertestLog> {
    const { address } = await this.serve(filter, options);
    return miltertest(address, script);
  }

  /** Ends what the test has left open, and fails when a filter has complained of anything. */
  async settle(): Promise<void> {
    await Promise.all(this.#servers.map((server) => server.close()));
    const { errors } = this;
    this.#servers = [];
    this.errors = [];
    expect(errors, 'errors that the filter has reported').toEqual([]);
  }
}
