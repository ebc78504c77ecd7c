import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { addHeader, observe, on } from 'rxmilter';
import { expect, test } from 'vitest';

import { snippet, tableBelow } from '../../docs/support/markdown.js';
import { describeBench } from '../support/describe-bench.js';
import { freePort } from '../support/free-port.js';
import { POSTFIX } from '../support/places.js';
import { Postfix, type PostfixSettings } from '../support/postfix.js';
import { missingForPostfix } from '../support/requirements.js';
import { SmtpSink } from '../support/sink.js';
import type { Version } from '../support/version.js';
import { writeOld } from '../support/write-old.js';
import { DATA, LogBench } from './log-bench.js';
import { ofVersion } from './of-version.js';

const PATHS = ['relative', 'short', 'whole'] as const;
type PathListener = (typeof PATHS)[number] | `confined-${(typeof PATHS)[number]}`;
type Listener = 'main' | 'shuts' | 'several' | 'submission' | 'back' | PathListener;

const POSTCONF = `${POSTFIX.commands}/postconf`;
const QUEUE = '/var/spool/postfix';
const SUBMISSION = 'submission/inet';
const BACK = '127.0.0.1:10025/inet';

/** The settings of a block for `main.cf`; a line that begins with a blank goes on with the one before. */
function mainSettings(block: string): Record<string, string> {
  const lines = snippet(block)
    .code.replaceAll(/\n[ \t]+/g, ' ')
    .trimEnd()
    .split('\n');
  return Object.fromEntries(
    lines.map((line) => {
      const [, name = line, value = ''] = /^(\w+) = ?(.*)$/.exec(line) ?? [];
      return [name, value];
    }),
  );
}

/** What Postfix makes of the services in the block for `master.cf`: their settings by service. */
async function masterSettings(): Promise<Record<string, Record<string, string>>> {
  const dir = await mkdtemp(`${tmpdir()}/rxmilter-docs-`);
  try {
    await writeOld(`${dir}/main.cf`, 'compatibility_level = 3.6\n');
    await writeOld(`${dir}/master.cf`, snippet('postfix-master').code);
    const { stdout, stderr } = spawnSync(POSTCONF, ['-c', dir, '-P'], { encoding: 'utf8' });
    if (stderr !== '') throw new Error(stderr);
    const services: Record<string, Record<string, string>> = {};
    for (const [, service = '', name = '', value = ''] of stdout.matchAll(/^(.+\/inet)\/(\w+) = (.*)$/gm))
      (services[service] ??= {})[name] = value;
    return services;
  } finally {
    await rm(dir, { recursive: true });
  }
}

class SettingsBench extends LogBench<Listener> {
  readonly dir: string;
  /** Where the second filter of the page listens, on port 8892 there. */
  readonly second: string;
  readonly #postfix: Postfix<Listener>;

  private constructor(ports: [number, number], dir: string, postfix: Postfix<Listener>, sink: SmtpSink) {
    super(`inet:${ports[0]}@127.0.0.1`, sink);
    this.second = `inet:${ports[1]}@127.0.0.1`;
    this.dir = dir;
    this.#postfix = postfix;
  }

  static async start(): Promise<SettingsBench> {
    const sink = await SmtpSink.start();
    const dir = await Postfix.directory();
    const ports: [number, number] = [await freePort(), await freePort()];
    const here = (settings: PostfixSettings = {}): PostfixSettings =>
      Object.fromEntries(
        Object.entries(settings).map(([name, value]) => [
          name,
          value
            .replace(':8891', `:${ports[0]}`)
            .replace(':8892', `:${ports[1]}`)
            .replace(QUEUE, `${dir}/queue`),
        ]),
      );
    const [relative = '', short = '', whole = ''] = pathRows().map(({ smtpd_milters: path = '' }) => path);
    const paths: Record<(typeof PATHS)[number], PostfixSettings> = {
      relative: here({ smtpd_milters: relative }),
      short: here({ smtpd_milters: short }),
      whole: here({ smtpd_milters: whole }),
    };
    const master = await masterSettings();
    const postfix = await Postfix.start<Listener>({
      dir,
      relayPort: sink.port,
      settings: here({ ...mainSettings('postfix-main'), ...mainSettings('postfix-macros') }),
      listeners: {
        main: {},
        shuts: { milter_default_action: 'shutdown' },
        several: here(mainSettings('postfix-several')),
        submission: here(master[SUBMISSION]),
        back: here(master[BACK]),
        ...paths,
        'confined-relative': paths.relative,
        'confined-short': paths.short,
        'confined-whole': paths.whole,
      },
      confined: PATHS.map((path): PathListener => `confined-${path}`),
    });
    await mkdir(`${dir}/queue/rxmilter`);
    return new SettingsBench(ports, dir, postfix, sink);
  }

  get version(): Version {
    return this.#postfix.version;
  }

  /** What is delivered of a message. */
  async delivered(listener: Listener): Promise<string> {
    expect(await this.send(listener)).toMatch(/^250 /);
    return (await this.sink.next()).data.toString();
  }

  override logged(): Promise<string[]> {
    return this.#postfix.log.settled();
  }

  protected override portOf(listener: Listener): number {
    return this.#postfix.ports[listener];
  }

  protected override halt(): Promise<void> {
    return this.#postfix.stop();
  }
}

function pathRows(): Record<string, string>[] {
  return tableBelow('docs/deployment.md', 'Unix sockets');
}

describeBench('the settings for Postfix', missingForPostfix(), SettingsBench.start, (bench) => {
  test('are known to it', () => {
    const { stderr } = spawnSync(POSTCONF, ['-c', `${bench().dir}/etc`, '-n'], {
      encoding: 'utf8',
    });
    expect(stderr).toBe('');
  });

  test('of main.cf have the defaults that the page tells', () => {
    for (const { Setting = '', Default = '' } of tableBelow('docs/deployment.md', 'Postfix')) {
      if (Setting.includes('…')) continue;
      const { stdout } = spawnSync(POSTCONF, ['-dh', Setting], { encoding: 'utf8' });
      const told = ofVersion(Default, bench().version);
      expect([Setting, stdout.trim()]).toEqual([Setting, told === 'none' ? '' : told]);
    }
  });

  test('in main.cf have it ask the filter, and put off mail without it', async () => {
    expect(await bench().send('main')).toBe('451 4.7.1 Service unavailable - try again later');
    await bench().serve(on('eom', () => addHeader('X-Filtered', 'yes')));
    expect(await bench().delivered('main')).toContain('X-Filtered: yes\r\n');
  });

  test('can have it close connections without the filter, where it knows that action', async () => {
    const { Default = '' } =
      tableBelow('docs/deployment.md', 'Postfix').find(
        ({ Setting }) => Setting === 'milter_default_action',
      ) ?? {};
    if (ofVersion(Default, bench().version) === 'shutdown')
      await expect(bench().send('shuts')).rejects.toThrow('< 421 ');
    else expect(await bench().send('shuts')).toBe('451 4.3.5 Server configuration problem - try again later');
  });

  test('for macros have it send them', async () => {
    const ports: unknown[] = [];
    await bench().serve(
      observe('connect', ({ session }) => void ports.push(session.macros.get('client_port'), session.mta)),
    );
    await bench().delivered('main');
    expect(ports).toEqual([expect.stringMatching(/^\d+$/), 'postfix']);
  });

  test('for several filters have it ask one after the other, and do without the second', async () => {
    await bench().serve(on('eom', () => addHeader('X-First', '1')));
    expect(await bench().delivered('several')).toContain('X-First: 1\r\n');

    const headers: string[] = [];
    await bench().serve(
      observe('header', ({ name }) => void headers.push(name)),
      { listen: bench().second },
    );
    await bench().delivered('several');
    expect(headers).toEqual(['Subject', 'X-First']);
  });

  test('in master.cf give submitted mail to the other filter, and name the service', async () => {
    const names: unknown[] = [];
    await bench().serve(
      observe('connect', ({ session }) => void names.push(session.macros.get('daemon_name'))),
      { listen: bench().second },
    );
    await bench().delivered('submission');
    expect(names).toEqual(['ORIGINATING']);
  });

  test('in master.cf ask no filter about what has been filtered', async () => {
    // Nobody listens, so it would be put off.
    expect(await bench().delivered('back')).toContain('The body.');
  });

  test.each(PATHS)('for a Unix socket find it as the page tells: the %s path', async (path) => {
    const { dir } = bench();
    const file = `${dir}/queue/rxmilter/filter.sock`;
    await bench().serve(
      on('eom', () => undefined),
      { listen: `unix:${file}`, mode: 0o666 },
    );
    const row = pathRows()[PATHS.indexOf(path)] ?? {};
    const told = (cell = ''): string => (cell === 'the same' ? '' : cell);
    const free = told(row['not confined']) || (row.smtpd_milters ?? '').replace('unix:', '');
    const confined = told(row.confined) || free;
    const finds = (place: string): boolean => place.replace(QUEUE, `${dir}/queue`) === file;
    for (const [listener, place] of [
      [path, free],
      [`confined-${path}`, confined],
    ] as const) {
      const expected = finds(place) ? /^250 / : /^451 4\.7\.1 /;
      const client = await bench().greeted(listener);
      expect([listener, await client.deliver({ data: DATA })]).toEqual([
        listener,
        expect.stringMatching(expected),
      ]);
    }
    bench().sink.clear();
  });
});
