import { once } from 'node:events';
import { chmod, mkdir, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { discard, on, quarantine } from 'rxmilter';
import { expect, test } from 'vitest';

import { tableBelow } from '../../docs/support/markdown.js';
import { describeBench } from '../support/describe-bench.js';
import { freePort } from '../support/free-port.js';
import { missingForSendmail } from '../support/requirements.js';
import { Sendmail } from '../support/sendmail.js';
import { SmtpSink } from '../support/sink.js';
import { LogBench, patternOf } from './log-bench.js';

type Listener = 'filter' | 'hasty' | 'unsafe' | 'dumb';

const PUT_OFF = '451 4.3.2 Please try again later';
const TIMES = 'F=T, T=C:5s;S:10s;R:10s;E:60s';
const HASTY = 'F=T, T=C:5s;S:10s;R:2s;E:60s';

class SendmailLogBench extends LogBench<Listener> {
  readonly dumb: number;
  readonly dir: string;
  readonly #sendmail: Sendmail<Listener>;

  private constructor(port: number, dumb: number, dir: string, sendmail: Sendmail<Listener>, sink: SmtpSink) {
    super(`inet:${port}@127.0.0.1`, sink);
    this.dumb = dumb;
    this.dir = dir;
    this.#sendmail = sendmail;
  }

  static async start(): Promise<SendmailLogBench> {
    const sink = await SmtpSink.start();
    const dir = await Sendmail.directory();
    await mkdir(`${dir}/run`);
    const [port, dumb] = [await freePort(), await freePort()];
    const sendmail = await Sendmail.start<Listener>({
      dir,
      relayPort: sink.port,
      filters: {
        filter: `S=inet:${port}@127.0.0.1, ${TIMES}`,
        hasty: `S=inet:${port}@127.0.0.1, ${HASTY}`,
        unsafe: `S=local:${dir}/run/filter.sock, ${TIMES}`,
        dumb: `S=inet:${dumb}@127.0.0.1, ${HASTY}`,
      },
      listeners: {
        filter: { filters: ['filter'] },
        hasty: { filters: ['hasty'] },
        unsafe: { filters: ['unsafe'] },
        dumb: { filters: ['dumb'] },
      },
    });
    return new SendmailLogBench(port, dumb, dir, sendmail, sink);
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

async function putOff(bench: SendmailLogBench, listener: Listener): Promise<void> {
  expect(await bench.send(listener)).toBe(PUT_OFF);
}

/** How each line of the table is brought about; `quiet` where no complaint about the filter may come with it. */
const CAUSES: Record<string, (bench: SendmailLogBench) => Promise<'quiet' | void>> = {
  'Milter (…): error connecting to filter: Connection refused by …': (bench) => putOff(bench, 'filter'),
  'Milter: initialization failed, temp failing commands': (bench) => putOff(bench, 'filter'),
  'Milter (…): local socket name … unsafe': async (bench) => {
    await putOff(bench, 'unsafe'); // there is no such file
    const asked = on('rcpt', () => undefined);
    await bench.serve(asked, { listen: `unix:${bench.dir}/run/filter.sock` });
    expect(await bench.send('unsafe')).toMatch(/^250 /);
    const before = (await bench.logged()).length;
    await chmod(`${bench.dir}/run`, 0o770);
    await putOff(bench, 'unsafe');
    const lines = (await bench.logged()).slice(before).join('\n');
    expect(lines).toMatch(/Milter \(unsafe\): local socket name \S+ unsafe/);
  },
  'Milter (…): timeout before data read, where=rcpt': async (bench) => {
    await bench.serve(on('rcpt', () => new Promise<undefined>(() => undefined)));
    await putOff(bench, 'hasty');
  },
  'milter_sys_read(…): cmd read returned 0, expecting 5': async (bench) => {
    const server = await bench.serve(
      on('rcpt', () => {
        server.destroy();
        return new Promise<undefined>(() => undefined);
      }),
    );
    await putOff(bench, 'filter');
  },
  'Milter (…): init failed to open': async (bench) => {
    await bench.serve(
      on('rcpt', () => undefined),
      { maxConnections: 1 },
    );
    await bench.greeted('filter');
    await putOff(bench, 'filter');
  },
  'Milter (…): timeout during data read, where=negotiate': async (bench) => {
    // It greets, as a mail server does, and that is taken for the length of a frame.
    const server = createServer((socket) => {
      socket.on('error', () => undefined).resume();
      socket.write('220 mx.test.example ESMTP\r\n');
    });
    await once(server.listen(bench.dumb, '127.0.0.1'), 'listening');
    bench.atEnd(() => server.close());
    await putOff(bench, 'dumb');
  },
  [`Milter: to=<…>, reject=${PUT_OFF}`]: async (bench) => {
    await bench.serve(
      on('rcpt', () => {
        throw new Error('a mistake in the filter');
      }),
    );
    await putOff(bench, 'filter');
    return 'quiet';
  },
  'Milter: to=<…>, discard': async (bench) => {
    await bench.serve(on('rcpt', () => discard()));
    expect(await bench.send('filter')).toMatch(/^250 /);
    return 'quiet';
  },
  'milter=…, quarantine=…': async (bench) => {
    await bench.serve(on('eom', () => quarantine('it looks odd')));
    expect(await bench.send('filter')).toMatch(/^250 /);
    return 'quiet';
  },
};

/** What keeps it from starting. */
const STARTS: Record<string, (dir: string) => Promise<string>> = {
  'SYSERR(root): …: local socket name … unsafe: Group writable directory': async (dir) => {
    await mkdir(`${dir}/run`);
    await chmod(`${dir}/run`, 0o770);
    return `S=local:${dir}/run/filter.sock, ${TIMES}`;
  },
  'SYSERR(root): …: Unknown host name …': () => Promise.resolve(`S=inet:8891@no-such-host.invalid, ${TIMES}`),
  'SYSERR(root): …: bad address … (expected port@host)': () =>
    Promise.resolve(`S=inet:127.0.0.1:8891, ${TIMES}`),
};

describeBench('the log of Sendmail', missingForSendmail(), SendmailLogBench.start, (bench) => {
  test('is explained in the page on deployment', () => {
    const rows = tableBelow('docs/deployment.md', 'In the log of Sendmail');
    expect(rows.map(({ Line }) => Line).sort()).toEqual(
      [...Object.keys(CAUSES), ...Object.keys(STARTS)].sort(),
    );
  });

  test.each(Object.entries(CAUSES))('has the line: %s', async (line, cause) => {
    const kind = await cause(bench());
    const lines = await bench().line(line);
    if (kind === 'quiet') expect(lines.filter((each) => each.includes('to error state'))).toEqual([]);
  });

  test.each(Object.entries(STARTS))('has the line, and it does not start: %s', async (line, filter) => {
    const dir = await Sendmail.directory();
    bench().atEnd(() => rm(dir, { recursive: true, force: true }));
    const starting = Sendmail.start({
      dir,
      relayPort: bench().sink.port,
      filters: { filter: await filter(dir) },
      listeners: { filter: { filters: ['filter'] } },
    });

    await expect(starting).rejects.toThrow(/sendmail/);
    expect(await readFile(`${dir}/log`, 'utf8')).toMatch(patternOf(line));
  });
});
