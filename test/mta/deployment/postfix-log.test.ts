import { once } from 'node:events';
import { createServer } from 'node:net';
import { discard, on, quarantine, reject } from 'rxmilter';
import { expect, test } from 'vitest';

import { tableBelow } from '../../docs/support/markdown.js';
import { describeBench } from '../support/describe-bench.js';
import { eventually } from '../support/eventually.js';
import { freePort } from '../support/free-port.js';
import { Postfix } from '../support/postfix.js';
import { missingForPostfix } from '../support/requirements.js';
import { SmtpSink } from '../support/sink.js';
import { LogBench } from './log-bench.js';
import { ofVersion } from './of-version.js';

type Listener =
  | 'filter'
  | 'hasty'
  | 'nofile'
  | 'denied'
  | 'nohost'
  | 'garbage'
  | 'transport'
  | 'misspelt'
  | 'action'
  | 'web'
  | 'dumb';

const PUT_OFF = '451 4.7.1 Service unavailable - try again later';

class PostfixLogBench extends LogBench<Listener> {
  readonly ports: { readonly web: number; readonly dumb: number };
  readonly postfix: Postfix<Listener>;
  readonly dir: string;

  private constructor(
    port: number,
    ports: PostfixLogBench['ports'],
    dir: string,
    postfix: Postfix<Listener>,
    sink: SmtpSink,
  ) {
    super(`inet:${port}@127.0.0.1`, sink);
    this.ports = ports;
    this.dir = dir;
    this.postfix = postfix;
  }

  static async start(): Promise<PostfixLogBench> {
    const sink = await SmtpSink.start();
    const dir = await Postfix.directory();
    const [port, web, dumb] = [await freePort(), await freePort(), await freePort()];
    const filter = `inet:127.0.0.1:${port}`;
    const postfix = await Postfix.start<Listener>({
      dir,
      relayPort: sink.port,
      settings: {
        milter_default_action: 'tempfail',
        non_smtpd_milters: `{ ${filter}, default_action=reject }`,
      },
      listeners: {
        filter: { smtpd_milters: filter },
        hasty: { smtpd_milters: `{ ${filter}, command_timeout=2s }` },
        nofile: { smtpd_milters: `unix:${dir}/nobody.sock` },
        denied: { smtpd_milters: `unix:${dir}/denied.sock` },
        nohost: { smtpd_milters: 'inet:127.0.0.1:no-such-service' },
        garbage: { smtpd_milters: `inet:${port}@127.0.0.1` },
        transport: { smtpd_milters: `127.0.0.1:${port}` },
        misspelt: { smtpd_milters: `{ ${filter}, command_timout=2s }` },
        action: { smtpd_milters: filter, milter_default_action: 'tempfial' },
        web: { smtpd_milters: `inet:127.0.0.1:${web}` },
        dumb: { smtpd_milters: `{ inet:127.0.0.1:${dumb}, command_timeout=2s }` },
      },
    });
    return new PostfixLogBench(port, { web, dumb }, dir, postfix, sink);
  }

  /** Something that listens and is no milter: it says `answer` to all that comes, or nothing at all. */
  async other(port: number, answer?: string): Promise<void> {
    const server = createServer((socket) => {
      socket
        .on('error', () => undefined)
        .on('data', () => {
          if (answer !== undefined) socket.end(answer);
        });
    });
    await once(server.listen(port, '127.0.0.1'), 'listening');
    this.atEnd(() => server.close());
  }

  override logged(): Promise<string[]> {
    return this.postfix.log.settled();
  }

  protected override portOf(listener: Listener): number {
    return this.postfix.ports[listener];
  }

  protected override halt(): Promise<void> {
    return this.postfix.stop();
  }
}

async function putOff(bench: PostfixLogBench, listener: Listener): Promise<void> {
  expect(await bench.send(listener)).toBe(PUT_OFF);
}

/** How each line of the table is brought about; `quiet` where no warning about the filter may come with it. */
const CAUSES: Record<string, (bench: PostfixLogBench) => Promise<'quiet' | void>> = {
  'warning: connect to Milter service inet:…: Connection refused': (bench) => putOff(bench, 'filter'),
  'warning: connect to Milter service unix:…: No such file or directory': (bench) => putOff(bench, 'nofile'),
  'warning: connect to Milter service unix:…: Permission denied': async (bench) => {
    await bench.serve(
      on('eom', () => undefined),
      { listen: `unix:${bench.dir}/denied.sock`, mode: 0o600 },
    );
    await putOff(bench, 'denied');
  },
  'warning: host or service … not found: …': (bench) => putOff(bench, 'nohost'),
  'fatal: …: garbage after numerical service': (bench) => bench.cutOff('garbage'),
  'warning: invalid transport name: … in Milter service: …': async (bench) => {
    expect(await bench.send('transport')).toMatch(/^451 4\.3\.5 /);
  },
  'fatal: unknown option: "…"': (bench) => bench.cutOff('misspelt'),
  'warning: milter …: unrecognized default action: …': async (bench) => {
    expect(await bench.send('action')).toBe('451 4.3.5 Server configuration problem - try again later');
  },
  'warning: milter …: unreasonable packet length: …': async (bench) => {
    await bench.other(bench.ports.web, 'HTTP/1.1 400 Bad Request\r\n\r\n');
    await putOff(bench, 'web');
  },
  "warning: milter …: can't read SMFIC_OPTNEG reply packet header: Connection timed out": async (bench) => {
    await bench.other(bench.ports.dumb);
    await putOff(bench, 'dumb');
  },
  'warning: milter …: read error in initial handshake': async (bench) => {
    const asked = on('rcpt', () => undefined);
    const refusing = await bench.serve(asked, { negotiate: () => reject() });
    await putOff(bench, 'filter');
    const lines = await bench.line('read error in initial handshake');
    refusing.destroy();

    await bench.serve(asked, { maxConnections: 1 });
    await bench.greeted('filter');
    await putOff(bench, 'filter');
    await eventually('the same line again', async () => {
      const more = (await bench.line('read error in initial handshake')).slice(lines.length);
      return more.some((line) => line.includes('read error in initial handshake'));
    });
  },
  "warning: milter …: can't read SMFIC_RCPT reply packet header: Connection timed out": async (bench) => {
    await bench.serve(on('rcpt', () => new Promise<undefined>(() => undefined)));
    await putOff(bench, 'hasty');
  },
  "warning: milter …: can't read SMFIC_RCPT reply packet header: Application error": async (bench) => {
    const server = await bench.serve(
      on('rcpt', () => {
        server.destroy();
        return new Promise<undefined>(() => undefined);
      }),
    );
    await putOff(bench, 'filter');
  },
  'milter-reject: CONNECT from …: 451 4.3.5 Server configuration problem, try again later': async (bench) => {
    await bench.serve(
      on('rcpt', () => undefined),
      { version: 2, requireRights: ['CHGFROM'] },
    );
    expect(await bench.send('filter')).toBe('451 4.3.5 Server configuration problem, try again later');
    return 'quiet';
  },
  [`milter-reject: RCPT from …: ${PUT_OFF}`]: async (bench) => {
    await bench.serve(
      on('rcpt', () => {
        throw new Error('a mistake in the filter');
      }),
    );
    await putOff(bench, 'filter');
    return 'quiet';
  },
  'milter-reject: RCPT from …: 550 5.7.1 Command rejected': async (bench) => {
    await bench.serve(on('rcpt', () => reject()));
    expect(await bench.send('filter')).toBe('550 5.7.1 Command rejected');
    return 'quiet';
  },
  'milter-discard: RCPT from …: milter triggers DISCARD action': async (bench) => {
    await bench.serve(on('rcpt', () => discard()));
    expect(await bench.send('filter')).toMatch(/^250 /);
    return 'quiet';
  },
  'milter-hold: END-OF-MESSAGE from …: milter triggers HOLD action; milter-hold: END-OF-MESSAGE from …: it looks odd from 3.10 on':
    async (bench) => {
      await bench.serve(on('eom', () => quarantine('it looks odd')));
      expect(await bench.send('filter')).toMatch(/^250 /);
      return 'quiet';
    },
  'status=bounced (Service unavailable)': (bench) =>
    bench.postfix.submit('cron@src.example', ['bob@dst.example'], 'Subject: local\n\nThe body.\n'),
  // the last one: it leaves a message that is tried again and again
  "warning: …: milter configuration error: can't reject recipient in non-smtpd(8) submission": async (
    bench,
  ) => {
    await bench.serve(on('rcpt', () => reject('Nobody')));
    await bench.postfix.submit('cron@src.example', ['bob@dst.example'], 'Subject: local\n\nThe body.\n');
    await bench.line("can't reject recipient");
  },
};

describeBench('the log of Postfix', missingForPostfix(), PostfixLogBench.start, (bench) => {
  test('is explained in the page on deployment', () => {
    const rows = tableBelow('docs/deployment.md', 'In the log of Postfix');
    expect(rows.map(({ Line }) => Line).sort()).toEqual(Object.keys(CAUSES).sort());
  });

  test.each(Object.entries(CAUSES))('has the line: %s', async (line, cause) => {
    const kind = await cause(bench());
    const lines = await bench().line(ofVersion(line, bench().postfix.version));
    const warnings = lines.filter((each) => /warning: .*milter/i.test(each));
    if (kind === 'quiet') expect(warnings).toEqual([]);
  });
});
