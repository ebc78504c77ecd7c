import { freePort } from './free-port.js';
import { MtaBench, type CommonListener, type HeldMessage, type MilterPlaces } from './mta-bench.js';
import { Postfix, type PostfixSettings } from './postfix.js';
import { SmtpSink } from './sink.js';

/**
 * The SMTP listeners of the Postfix of a bench. All but `unix`, `both` and `inet6` look for their filter on the inet
 * socket. Besides those in front of each MTA there are:
 *
 * - `inet6`: looks for its filter on the IPv6 socket, and believes that clients may have IPv6 addresses
 * - `version2`, `version3`, `version4`: speak older versions of the protocol
 */
export type ListenerName = CommonListener | 'inet6' | 'version2' | 'version3' | 'version4';

/** A bench with a Postfix. */
export class PostfixBench extends MtaBench<ListenerName> {
  readonly mta = 'postfix';
  protected readonly main = 'inet';
  declare readonly milter: MilterPlaces & { readonly inet6: string };
  readonly postfix: Postfix<ListenerName>;

  private constructor(milter: PostfixBench['milter'], postfix: Postfix<ListenerName>, sink: SmtpSink) {
    super(milter, sink);
    this.postfix = postfix;
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

  override async held(): Promise<HeldMessage[]> {
    const { queue } = this.postfix;
    await queue.idle();
    return Promise.all(
      (await queue.list())
        .filter(({ queue_name: name }) => name === 'hold')
        .map(async ({ queue_id: id, sender, recipients }) => ({
          sender,
          recipients: recipients.map(({ address }) => address).sort(),
          message: await queue.read(id),
        })),
    );
  }

  override idle(): Promise<void> {
    return this.postfix.queue.idle();
  }

  protected override async clear(): Promise<void> {
    await this.postfix.log.sessionsEnded();
    await this.postfix.queue.idle();
    await this.postfix.queue.clearHold();
  }

  protected override logged(): Promise<string[]> {
    return this.postfix.log.settled();
  }

  protected override complaints(lines: readonly string[]): string[] {
    return lines.filter((line) => /\b(?:fatal|panic): /.test(line) || /\bwarning: .*milter/i.test(line));
  }

  protected override portOf(listener: ListenerName): number {
    return this.postfix.ports[listener];
  }

  protected override halt(): Promise<void> {
    return this.postfix.stop();
  }
}
