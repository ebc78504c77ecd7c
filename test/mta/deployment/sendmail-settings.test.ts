import { addHeader, on, observe } from 'rxmilter';
import { expect, test } from 'vitest';

import { readPage, snippet } from '../../docs/support/markdown.js';
import { describeBench } from '../support/describe-bench.js';
import { freePort } from '../support/free-port.js';
import { SENDMAIL } from '../support/places.js';
import { missingForSendmail } from '../support/requirements.js';
import { run } from '../support/run.js';
import { Sendmail } from '../support/sendmail.js';
import { SmtpSink } from '../support/sink.js';
import { LogBench } from './log-bench.js';

type Listener = 'both' | 'refuses' | 'closes';

/** The filters of the page by name, with their equates. */
function filtersOfThePage(): Record<string, string> {
  const lines = snippet('sendmail-mc').code.matchAll(/^INPUT_MAIL_FILTER\(`(\w+)', `(.*)'\)dnl$/gm);
  return Object.fromEntries([...lines].map(([, name = '', equates = '']) => [name, equates]));
}

/** What m4 makes of lines for `sendmail.mc`. */
async function configuration(lines: string): Promise<string> {
  const { cf } = SENDMAIL;
  const mc = `VERSIONID(\`test')\nOSTYPE(\`linux')\n${lines}MAILER(\`smtp')\n`;
  return (await run('/usr/bin/m4', [`-D_CF_DIR_=${cf}`, `${cf}m4/cf.m4`, '-'], mc)).toString();
}

class SettingsBench extends LogBench<Listener> {
  /** Where the second filter of the page listens. */
  readonly second: string;
  readonly #sendmail: Sendmail<Listener>;

  private constructor(filter: string, second: string, sendmail: Sendmail<Listener>, sink: SmtpSink) {
    super(filter, sink);
    this.second = second;
    this.#sendmail = sendmail;
  }

  static async start(): Promise<SettingsBench> {
    const sink = await SmtpSink.start();
    const dir = await Sendmail.directory();
    const [second, nobody] = [await freePort(), await freePort()];
    const filters = Object.fromEntries(
      Object.entries(filtersOfThePage()).map(([name, equates]) => [
        name,
        equates.replace('/run/my-filter', dir).replace('8892@', `${second}@`),
      ]),
    );
    const sendmail = await Sendmail.start<Listener>({
      dir,
      relayPort: sink.port,
      filters: {
        ...filters,
        refuses: `S=inet:${nobody}@127.0.0.1, F=R, T=C:5s`,
        closes: `S=inet:${nobody}@127.0.0.1, F=4, T=C:5s`,
      },
      listeners: {
        both: { filters: Object.keys(filters) },
        refuses: { filters: ['refuses'] },
        closes: { filters: ['closes'] },
      },
    });
    return new SettingsBench(`unix:${dir}/filter.sock`, `inet:${second}@127.0.0.1`, sendmail, sink);
  }

  override logged(): Promise<string[]> {
    return Promise.resolve(this.#sendmail.log());
  }

  protected override portOf(listener: Listener): number {
    return this.#sendmail.ports[listener];
  }

  protected override halt(): Promise<void> {
    return this.#sendmail.stop();
  }
}

describeBench('the settings for Sendmail', missingForSendmail(), SettingsBench.start, (bench) => {
  test('are what the page says they are', async () => {
    const cf = await configuration(snippet('sendmail-mc').code);
    expect(cf).toContain('O InputMailFilters=rxmilter, marks\n');
    expect(cf).toContain('O Milter.macros.connect=j, _, {daemon_name}, {if_name}, {if_addr}, v\n');
    for (const [name, equates] of Object.entries(filtersOfThePage()))
      expect(cf).toContain(`X${name}, ${equates}\n`);
  });

  test('can have another order', async () => {
    const [order = ''] =
      /define\(`confINPUT_MAIL_FILTERS', `.*?'\)/.exec(readPage('docs/deployment.md')) ?? [];
    const lines = snippet('sendmail-mc').code.replaceAll('INPUT_MAIL_FILTER', 'MAIL_FILTER');
    expect(await configuration(`${lines}${order}\n`)).toContain('O InputMailFilters=marks, rxmilter\n');
  });

  test('put off mail without the first filter, and do without the second', async () => {
    expect(await bench().send('both')).toBe('451 4.3.2 Please try again later');
    await bench().serve(on('eom', () => addHeader('X-First', '1')));
    expect(await bench().send('both')).toMatch(/^250 /);
    expect((await bench().sink.next()).data.toString()).toContain('X-First: 1\r\n');
  });

  test('have the second see what the first has made of the message', async () => {
    const headers: string[] = [];
    await bench().serve(on('eom', () => addHeader('X-First', '1')));
    await bench().serve(
      observe('header', ({ name }) => void headers.push(name)),
      { listen: bench().second },
    );
    expect(await bench().send('both')).toMatch(/^250 /);
    expect(headers).toContain('X-First');
  });

  test('F=R refuses, and F=4 closes the connection', async () => {
    expect(await bench().send('refuses')).toMatch(/^5/);
    await expect(bench().send('closes')).rejects.toThrow('< 421 4.7.0 ');
  });
});
