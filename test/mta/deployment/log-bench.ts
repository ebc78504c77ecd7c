import { serve, type MilterServer, type ServeOptions } from 'rxmilter';
import { expect } from 'vitest';

import { eventually } from '../support/eventually.js';
import { SmtpSink } from '../support/sink.js';
import { SmtpClient } from '../support/smtp-client.js';

export const DATA = 'Subject: a log\r\n\r\nThe body.\r\n';

/** A mail server that is made to complain, and the lines of its log since the test began. */
export abstract class LogBench<Listener extends string> {
  /** Where the filter under test listens. */
  readonly filter: string;
  readonly sink: SmtpSink;
  #seen = 0;
  #ends: (() => unknown)[] = [];

  protected constructor(filter: string, sink: SmtpSink) {
    this.filter = filter;
    this.sink = sink;
  }

  /** All that it has logged. */
  abstract logged(): Promise<string[]>;
  protected abstract portOf(listener: Listener): number;
  protected abstract halt(): Promise<void>;

  /** Has `end` called at the end of the test. */
  atEnd(end: () => unknown): void {
    this.#ends.push(end);
  }

  /** Serves a filter until the end of the test. What it reports is kept for nobody: it is meant to fail. */
  async serve(
    filter: Parameters<typeof serve>[0],
    options: Partial<ServeOptions> = {},
  ): Promise<MilterServer> {
    const server = await serve(filter, { listen: this.filter, onError: () => undefined, ...options });
    this.atEnd(() => server.destroy());
    return server;
  }

  /** A client that has greeted, until the end of the test. */
  async greeted(listener: Listener): Promise<SmtpClient> {
    const client = await SmtpClient.connect(this.portOf(listener));
    this.atEnd(() => client.destroy());
    await client.hello();
    return client;
  }

  /** Gives the mail server a message; says what the client was told last. */
  async send(listener: Listener, to = 'bob@dst.example'): Promise<string> {
    return (await this.greeted(listener)).deliver({ rcpts: [`<${to}>`], data: DATA });
  }

  /** Gives it a message that gets no answer, as the connection is cut. */
  async cutOff(listener: Listener): Promise<void> {
    await expect(this.send(listener)).rejects.toThrow('connection closed');
  }

  /** Waits until this test has caused a line with that text, in which `…` is anything. Gives all lines of the test. */
  async line(text: string): Promise<string[]> {
    const pattern = patternOf(text);
    return eventually(`a line like: ${text}`, async () => {
      const lines = (await this.logged()).slice(this.#seen);
      return lines.some((line) => pattern.test(line)) && lines;
    });
  }

  /** Ends what the test has begun. */
  async settle(): Promise<void> {
    for (const end of this.#ends.reverse()) await end();
    this.#ends = [];
    this.#seen = (await this.logged()).length;
  }

  /** Stops the mail server and the sink. */
  async stop(): Promise<void> {
    await this.halt();
    await this.sink.stop();
  }
}

/** What a line matches that is like a text, in which `…` is anything. */
export function patternOf(text: string): RegExp {
  const escaped = (part: string): string => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return new RegExp(text.split('…').map(escaped).join('.*'));
}
