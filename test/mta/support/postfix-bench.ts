import { expect } from 'vitest';
import { serve, type MilterServer, type ServeOptions } from '../../../src/index.js';
import { complaints } from './complaints.js';
import { freePort } from './free-port.js';
import { Postfix, type PostfixSettings } from './postfix.js';
import { SmtpClient } from './smtp-client.js';
import { SmtpSink } from './sink.js';

/**
 * The SMTP listeners of the Postfix of a bench. All but one look for their filter on the inet socket.
 *
 * - `inet`: what is used when nothing else is said; mail is rejected when the filter breaks
 * - `unix`: the same with the unix socket
 * - `tempfail`: mail is put off when the filter breaks
 * - `hasty`: at the content of a message the filter may be silent for two seconds only
 * - `both`: asks the filter on the inet socket and then the one on the unix socket
 * - `inet6`: looks for its filter on the IPv6 socket, and believes that clients may have IPv6 addresses
 * - `version2`, `version3`, `version4`: speak older versions of the protocol
 */
export type ListenerName =
  'inet' | 'unix' | 'tempfail' | 'hasty' | 'both' | 'inet6' | 'version2' | 'version3' | 'version4';

/** A Postfix between an SMTP client and an SMTP sink, and a place for the filter under test. */
export class PostfixBench {
  /** What filters listen on, as Postfix knows it. */
  readonly milter: { readonly inet: string; readonly inet6: string; readonly unix: string };
  readonly postfix: Postfix<ListenerName>;
  readonly sink: SmtpSink;
  /** Errors that the served filters have reported. A test that expects some takes them out. */
  errors: unknown[] = [];
  #clients: SmtpClient[] = [];
  #servers: MilterServer[] = [];
  #tolerated: RegExp[] = [];
  #judged = 0;

  private constructor(milter: PostfixBench['milter'], postfix: Postfix<ListenerName>, sink: SmtpSink) {
    this.milter = milter;
    this.postfix = postfix;
    this.sink = sink;
  }

  /** Starts sink and Postfix. `settings` may depend on where the filter will listen. */
  static async start(settings: (milter: PostfixSettings) => PostfixSettings): Promise<PostfixBench> {
    const sink = await SmtpSink.start();
    const dir = await Postfix.directory();
    const port = await freePort();
    const port6 = await freePort();
    const inet = `inet:127.0.0.1:${port}`;
    const unix = `unix:${dir}/milter.sock`;
    const postfix = await Postfix.start<ListenerName>({
      dir,
      relayPort: sink.port,
      settings: settings({ inet, unix }),
      listeners: {
        inet: { smtpd_milters: inet },
        unix: { smtpd_milters: unix },
        tempfail: { smtpd_milters: inet, milter_default_action: 'tempfail' },
        hasty: { smtpd_milters: inet, milter_content_timeout: '2s' },
        both: { smtpd_milters: `${inet}, ${unix}` },
        inet6: {
          smtpd_milters: `inet:[::1]:${port6}`,
          inet_protocols: 'all',
          mynetworks: '0.0.0.0/0 [::]/0',
        },
        version2: { smtpd_milters: inet, milter_protocol: '2' },
        version3: { smtpd_milters: inet, milter_protocol: '3' },
        version4: { smtpd_milters: inet, milter_protocol: '4' },
      },
    });
    return new PostfixBench(
      { inet: `inet:${port}@127.0.0.1`, inet6: `inet6:${port6}@::1`, unix },
      postfix,
      sink,
    );
  }

  /** Serves a filter until the end of the test, on the inet socket if nothing else is said. */
  async serve(
    filter: Parameters<typeof serve>[0],
    options: Partial<ServeOptions> = {},
  ): Promise<MilterServer> {
    const server = await serve(filter, {
      listen: this.milter.inet,
      onError: (error) => this.errors.push(error),
      ...options,
    });
    this.#servers.push(server);
    return server;
  }

  /** Opens an SMTP connection that lasts until the end of the test at most; nothing has been read or said yet. */
  async connect(listener: ListenerName = 'inet'): Promise<SmtpClient> {
    const client = await SmtpClient.connect(this.postfix.ports[listener]);
    this.#clients.push(client);
    return client;
  }

  /** Opens an SMTP connection and greets. */
  async greeted(listener: ListenerName = 'inet'): Promise<SmtpClient> {
    const client = await this.connect(listener);
    await client.hello();
    return client;
  }

  /** Lets Postfix log lines of this kind in this test. */
  tolerate(...lines: RegExp[]): void {
    this.#tolerated.push(...lines);
  }

  /** Ends what the test has left open, and fails when a filter or Postfix has complained of anything. */
  async settle(): Promise<void> {
    for (const client of this.#clients) client.destroy();
    await this.postfix.log.sessionsEnded();
    await this.postfix.queue.idle();
    await this.postfix.queue.clearHold();
    await Promise.all(this.#servers.map((server) => server.close()));
    const lines = await this.postfix.log.settled();
    const found = complaints(lines.slice(this.#judged));
    const unexpected = found.filter((line) => !this.#tolerated.some((pattern) => pattern.test(line)));
    const { errors } = this;
    this.#judged = lines.length;
    this.#clients = [];
    this.#servers = [];
    this.#tolerated = [];
    this.errors = [];
    this.sink.clear();
    expect(unexpected, 'complaints in the log of Postfix').toEqual([]);
    expect(errors, 'errors that the filter has reported').toEqual([]);
  }

  /** Stops Postfix and the sink. */
  async stop(): Promise<void> {
    await this.postfix.stop();
    await this.sink.stop();
  }
}
