import { scriptedMilter, type Script, type ScriptedMilter } from '../../support/scripted-milter.js';
import { eventually } from './eventually.js';
import { freePort } from './free-port.js';
import { MtaBench, type CommonListener, type HeldMessage, type MilterPlaces } from './mta-bench.js';
import { Sendmail } from './sendmail.js';
import { SmtpSink } from './sink.js';
import { SmtpClient } from './smtp-client.js';

/**
 * The SMTP listeners of the Sendmail of a bench. All but `inet` and `both` look for their filter on the unix socket,
 * because over TCP Sendmail is slow: it writes a macro frame and its event apart, and the second waits 40 ms for the
 * acknowledgement of the first. Besides those in front of each MTA there is:
 *
 * - `client6`: takes clients with IPv6 addresses, on ::1
 */
export type SendmailListenerName = CommonListener | 'client6';

/** A bench with a Sendmail. */
export class SendmailBench extends MtaBench<SendmailListenerName> {
  readonly mta = 'sendmail';
  readonly sendmail: Sendmail<SendmailListenerName>;
  protected readonly main = 'unix';

  private constructor(milter: MilterPlaces, sendmail: Sendmail<SendmailListenerName>, sink: SmtpSink) {
    super(milter, sink);
    this.sendmail = sendmail;
  }

  /** Starts sink and Sendmail. */
  static async start(): Promise<SendmailBench> {
    const sink = await SmtpSink.start();
    const dir = await Sendmail.directory();
    const inet = `inet:${await freePort()}@127.0.0.1`;
    const unix = `unix:${dir}/milter.sock`;
    const times = 'T=C:10s;S:30s;R:30s;E:60s';
    const sendmail = await Sendmail.start<SendmailListenerName>({
      dir,
      relayPort: sink.port,
      filters: {
        unix: `S=${unix}, F=R, ${times}`,
        inet: `S=${inet}, F=R, ${times}`,
        tempfail: `S=${unix}, F=T, ${times}`,
        hasty: `S=${unix}, F=R, T=C:10s;S:30s;R:2s;E:60s`,
      },
      listeners: {
        client6: { host: '::1', filters: ['unix'] },
        inet: { filters: ['inet'] },
        unix: { filters: ['unix'] },
        tempfail: { filters: ['tempfail'] },
        hasty: { filters: ['hasty'] },
        both: { filters: ['inet', 'unix'] },
      },
    });
    return new SendmailBench({ inet, unix }, sendmail, sink);
  }

  override async held(): Promise<HeldMessage[]> {
    await this.idle();
    return this.sendmail.queue.quarantined();
  }

  override idle(): Promise<void> {
    return this.sendmail.queue.idle();
  }

  /** A client that speaks with a Sendmail of its own (`sendmail -bs`), as a mail program may do. */
  local(over: 'sockets' | 'pipes'): SmtpClient {
    return this.keep(new SmtpClient(this.sendmail.stdio(over)));
  }

  /**
   * Has a milter that knows nothing but its script in the place of the filter while `act` speaks as a client that has
   * greeted; gives what the milter was told in the whole session.
   */
  async scripted(
    script: Script,
    act: (client: SmtpClient) => Promise<unknown>,
    greet: (client: SmtpClient) => Promise<unknown> = (client) => client.hello(),
  ): Promise<ScriptedMilter> {
    await using milter = await scriptedMilter(script, this.milter.unix.slice('unix:'.length));
    const client = await this.connect();
    await greet(client);
    await act(client);
    client.destroy();
    await eventually('the end of the connection to the milter', () => milter.open === 0);
    return milter;
  }

  protected override hostOf(listener: SendmailListenerName): string {
    return listener === 'client6' ? '::1' : super.hostOf(listener);
  }

  protected override async clear(): Promise<void> {
    await this.sendmail.sessionsEnded();
    await this.sendmail.queue.idle();
    await this.sendmail.queue.clear();
  }

  protected override logged(): Promise<string[]> {
    return Promise.resolve(this.sendmail.log());
  }

  protected override complaints(lines: readonly string[]): string[] {
    return lines.filter((line) => /\bMilter \([^)]*\): |\bmilter_\w+|\bSYSERR\b/.test(line));
  }

  protected override portOf(listener: SendmailListenerName): number {
    return this.sendmail.ports[listener];
  }

  protected override halt(): Promise<void> {
    return this.sendmail.stop();
  }
}
