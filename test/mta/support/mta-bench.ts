import { serve, type MilterServer, type ServeOptions } from 'rxmilter';
import { expect } from 'vitest';

import type { SmtpSink } from './sink.js';
import { SmtpClient } from './smtp-client.js';

/**
 * The SMTP listeners that there are in front of each MTA.
 *
 * - `inet`, `unix`: the filter listens on that socket; mail is refused for good when the filter breaks
 * - `tempfail`: mail is put off when the filter breaks
 * - `hasty`: the filter may be silent for two seconds only, in Postfix in the content of a message only
 * - `both`: the filter on the inet socket is asked, and then the one on the unix socket
 */
export type CommonListener = 'inet' | 'unix' | 'tempfail' | 'hasty' | 'both';

/** What filters listen on. */
export interface MilterPlaces {
  readonly inet: string;
  readonly unix: string;
}

/** A message that a filter has had held. */
export interface HeldMessage {
  readonly sender: string;
  /** Sorted. */
  readonly recipients: readonly string[];
  /** Headers and body as the MTA keeps them, lines ending with LF. */
  readonly message: string;
}

/** An MTA between an SMTP client and an SMTP sink, and a place for the filter under test. */
export abstract class MtaBench<Listener extends string = CommonListener> {
  abstract readonly mta: 'postfix' | 'sendmail';
  /** The listener, and the socket of the filter, that is meant when none is named. */
  protected abstract readonly main: Listener & keyof MilterPlaces;
  readonly milter: MilterPlaces;
  readonly sink: SmtpSink;
  /** Errors that the served filters have reported. A test that expects some takes them out. */
  errors: unknown[] = [];
  #clients: SmtpClient[] = [];
  #servers: MilterServer[] = [];
  #tolerated: RegExp[] = [];
  #judged = 0;

  protected constructor(milter: MilterPlaces, sink: SmtpSink) {
    this.milter = milter;
    this.sink = sink;
  }

  /** The messages that filters have had held. */
  abstract held(): Promise<HeldMessage[]>;
  /** Waits until no message is on its way any more. */
  abstract idle(): Promise<void>;
  /** Waits for the end of all sessions and deliveries, and deletes the messages that are held. */
  protected abstract clear(): Promise<void>;
  /** All that the MTA has logged. */
  protected abstract logged(): Promise<string[]>;
  /**
   * The lines in which the MTA complains about a filter, or about anything fatal. A filter that keeps to the protocol
   * causes none.
   */
  protected abstract complaints(lines: readonly string[]): string[];
  protected abstract portOf(listener: Listener): number;
  /** Stops the MTA. */
  protected abstract halt(): Promise<void>;

  /** Serves a filter until the end of the test, on the main socket if nothing else is said. */
  async serve(
    filter: Parameters<typeof serve>[0],
    options: Partial<ServeOptions> = {},
  ): Promise<MilterServer> {
    const server = await serve(filter, {
      listen: this.milter[this.main],
      onError: (error) => this.errors.push(error),
      ...options,
    });
    this.#servers.push(server);
    return server;
  }

  /** Opens an SMTP connection that lasts until the end of the test at most; nothing has been read or said yet. */
  async connect(listener: Listener = this.main): Promise<SmtpClient> {
    return this.keep(await SmtpClient.connect(this.portOf(listener), this.hostOf(listener)));
  }

  /** Ends the connection of that client at the end of the test at the latest. */
  protected keep(client: SmtpClient): SmtpClient {
    this.#clients.push(client);
    return client;
  }

  protected hostOf(_listener: Listener): string {
    return '127.0.0.1';
  }

  /** Opens an SMTP connection and greets. */
  async greeted(listener: Listener = this.main): Promise<SmtpClient> {
    const client = await this.connect(listener);
    await client.hello();
    return client;
  }

  /** Lets the MTA log complaints of this kind in this test. */
  tolerate(...lines: RegExp[]): void {
    this.#tolerated.push(...lines);
  }

  /** Ends what the test has left open, and fails when a filter or the MTA has complained of anything. */
  async settle(): Promise<void> {
    for (const client of this.#clients) client.destroy();
    await this.clear();
    await Promise.all(this.#servers.map((server) => server.close()));
    const lines = await this.logged();
    const found = this.complaints(lines.slice(this.#judged));
    const unexpected = found.filter((line) => !this.#tolerated.some((pattern) => pattern.test(line)));
    const { errors } = this;
    this.#judged = lines.length;
    this.#clients = [];
    this.#servers = [];
    this.#tolerated = [];
    this.errors = [];
    this.sink.clear();
    expect(unexpected, `complaints in the log of ${this.mta}`).toEqual([]);
    expect(errors, 'errors that the filter has reported').toEqual([]);
  }

  /** Stops the MTA and the sink. */
  async stop(): Promise<void> {
    await this.halt();
    await this.sink.stop();
  }
}
