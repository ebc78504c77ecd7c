import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { addHeader, compose, observe, on, type Outcome } from 'rxmilter';
import { expect, test } from 'vitest';

import { snippet } from '../../docs/support/markdown.js';
import { describeBench } from '../support/describe-bench.js';
import { eventually } from '../support/eventually.js';
import { freePort } from '../support/free-port.js';
import { isListening } from '../support/is-listening.js';
import { Postfix } from '../support/postfix.js';
import { missingForPostfix } from '../support/requirements.js';
import { SmtpSink } from '../support/sink.js';
import { LogBench } from './log-bench.js';

const HAPROXY = '/usr/sbin/haproxy';

function missing(): string | undefined {
  return existsSync(HAPROXY) ? missingForPostfix() : `HAProxy is not installed (no ${HAPROXY})`;
}

/** A Postfix whose filter is a HAProxy with the settings of the page, in front of two filters. */
class HaproxyBench extends LogBench<'smtp'> {
  readonly second: string;
  readonly #postfix: Postfix<'smtp'>;
  readonly #front: number;

  private constructor(ports: [number, number, number], postfix: Postfix<'smtp'>, sink: SmtpSink) {
    super(`inet:${ports[1]}@127.0.0.1`, sink);
    this.#front = ports[0];
    this.second = `inet:${ports[2]}@127.0.0.1`;
    this.#postfix = postfix;
  }

  static async start(): Promise<HaproxyBench> {
    const sink = await SmtpSink.start();
    const ports: [number, number, number] = [await freePort(), await freePort(), await freePort()];
    const postfix = await Postfix.start({
      dir: await Postfix.directory(),
      relayPort: sink.port,
      settings: { milter_default_action: 'tempfail' },
      listeners: { smtp: { smtpd_milters: `inet:127.0.0.1:${ports[0]}` } },
    });
    return new HaproxyBench(ports, postfix, sink);
  }

  /** Runs HAProxy until the end of the test, with the settings of the page but for what `change` changes. */
  async proxy(change: (settings: string) => string = (settings) => settings): Promise<void> {
    const [, first = '', second = ''] = [this.filter, this.filter, this.second].map(
      (endpoint) => /\d+/.exec(endpoint)?.[0] ?? '',
    );
    const settings = snippet('haproxy')
      .code.replace('127.0.0.1:8891', `127.0.0.1:${this.#front}`)
      .replace('192.0.2.11:8891', `127.0.0.1:${first}`)
      .replace('192.0.2.12:8891', `127.0.0.1:${second}`)
      .replace('inter 2s', 'inter 100ms');
    const dir = await mkdtemp('/var/tmp/rxmilter-haproxy-');
    this.atEnd(() => rm(dir, { recursive: true }));
    await writeFile(`${dir}/haproxy.cfg`, change(settings));
    const proxy: ChildProcess = spawn(HAPROXY, ['-db', '-q', '-f', `${dir}/haproxy.cfg`], {
      stdio: 'ignore',
    });
    this.atEnd(async () => {
      if (proxy.exitCode === null && proxy.kill('SIGKILL')) await once(proxy, 'exit');
    });
    await eventually('HAProxy', () => isListening(this.#front));
  }

  async delivered(): Promise<string> {
    expect(await this.send('smtp')).toMatch(/^250 /);
    return (await this.sink.next()).data.toString();
  }

  override logged(): Promise<string[]> {
    return this.#postfix.log.settled();
  }

  protected override portOf(): number {
    return this.#postfix.ports.smtp;
  }

  protected override halt(): Promise<void> {
    return this.#postfix.stop();
  }
}

describeBench('HAProxy between Postfix and filters', missing(), HaproxyBench.start, (bench) => {
  test('hands connections to both, and to the other one when one is stopped', async () => {
    const one = await bench().serve(on('eom', () => addHeader('X-From', 'one')));
    await bench().serve(
      on('eom', () => addHeader('X-From', 'two')),
      { listen: bench().second },
    );
    await bench().proxy();
    const from = async (): Promise<string | undefined> =>
      /^X-From: (\w+)/m.exec(await bench().delivered())?.[1];
    expect([await from(), await from()].sort()).toEqual(['one', 'two']);

    await one.close();
    // At once, before a check can have noticed it.
    expect([await from(), await from(), await from()]).toEqual(['two', 'two', 'two']);
  });

  test('its checks leave no trace in the filter', async () => {
    const outcomes: Outcome[] = [];
    const errors: unknown[] = [];
    const frames: string[] = [];
    const server = await bench().serve(
      on('eom', () => addHeader('X-From', 'one')),
      { onError: (error) => errors.push(error), trace: ({ text }) => frames.push(text) },
    );
    server.outcomes.subscribe((outcome) => outcomes.push(outcome));
    await bench().proxy((settings) => settings.replace(/^ *server two .*$/m, ''));
    await eventually('the end of two checks', () => frames.filter((frame) => frame === 'quit').length > 1);
    await server.close();

    expect({ outcomes, errors }).toEqual({ outcomes: [], errors: [] });
  });

  test('cuts connections that are silent for longer than its time-outs, and mail is put off', async () => {
    const closed: string[] = [];
    await bench().serve(
      compose(
        on(['mail', 'rcpt'], () => undefined),
        // The connections of checks end too, but nothing is told of a client there.
        observe('close', ({ session }) => {
          if (session.client.address !== '') closed.push(session.id);
        }),
      ),
    );
    await bench().proxy((settings) => settings.replaceAll('3h', '1s'));
    const client = await bench().greeted('smtp');
    await client.command('MAIL FROM:<alice@src.example>');
    await eventually('the end of the connection', () => closed.length > 0);
    expect(await client.command('RCPT TO:<bob@dst.example>')).toMatch(/^451 4\.7\.1 /);
    await bench().line("warning: milter …: can't …");
  });
});
