import { generateKeyPairSync } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';

import { missingForLibmilter } from '../differential/missing-for-libmilter.js';
import { buildFilter } from '../differential/support/build-filter.js';
import { Daemon } from '../support/daemon.js';
import { freePort } from '../support/free-port.js';
import { missingForOpenDkim } from '../support/opendkim.js';
import { missingForClamAv, missingForPymilter, missingForRspamd } from '../support/requirements.js';

/** A milter of others, running. */
export interface RunningMilter extends AsyncDisposable {
  readonly address: string;
}

/** A milter of others that tests can start. */
export interface OtherMilter {
  /** How it is ended: libmilter takes seconds to stop by itself, and others would leave processes behind. */
  readonly end?: NodeJS.Signals;
  readonly missing: () => string | undefined;
  /** Starts it on this port of 127.0.0.1, with files in this directory; returns all that is to be stopped, the last first. */
  readonly start: (port: number, dir: string) => Promise<Daemon[]>;
}

const file = async (path: string, ...lines: string[]): Promise<string> => {
  await writeFile(path, [...lines, ''].join('\n'), { mode: 0o600 });
  return path;
};

/** The C filter of the differential tests: it does what a conversation tells it. */
const libmilter = (mode: string, decided: string, observed: string): OtherMilter => ({
  missing: missingForLibmilter,
  start: async (port) => [
    await Daemon.start(await buildFilter(), [`inet:${port}@127.0.0.1`, decided, observed, 'ff', mode], port),
  ],
});

const PYMILTER = `
import sys
import Milter

class Filter(Milter.Base):
    @Milter.noreply
    def connect(self, host, family, address):
        return Milter.CONTINUE

    def envfrom(self, sender, *args):
        self.subject, self.size = None, 0
        return Milter.CONTINUE

    def header(self, name, value):
        if name.lower() == 'subject':
            self.subject = value
        return Milter.CONTINUE

    def body(self, chunk):
        self.size += len(chunk)
        return Milter.CONTINUE

    def eom(self):
        if self._actions & Milter.ADDHDRS:
            self.addheader('X-Size', str(self.size))
        if self.subject and self._actions & Milter.CHGHDRS:
            self.chgheader('Subject', 1, 'py ' + self.subject)
        return Milter.CONTINUE

Milter.factory = Filter
Milter.set_flags(Milter.ADDHDRS | Milter.CHGHDRS)
Milter.runmilter('rxmilter-check', sys.argv[1], 0)
`;

export const OTHER_MILTERS = {
  'a filter in C on libmilter, as libmilter negotiates': libmilter('plain', 'CHMRTLNBEU', '-'),
  'a filter in C on libmilter that takes all options': libmilter('all', 'CHMRTLNBEU', '-'),
  'a filter in C on libmilter that only looks at most events': libmilter('own', 'RE', 'CHMTLNBU'),
  'a filter in Python on pymilter': {
    missing: missingForPymilter,
    start: async (port, dir) => {
      const script = await file(`${dir}/filter.py`, PYMILTER);
      return [await Daemon.start('/usr/bin/python3', [script, `inet:${port}@127.0.0.1`], port)];
    },
  },
  OpenDKIM: {
    missing: missingForOpenDkim,
    start: async (port, dir) => {
      const { privateKey } = generateKeyPairSync('rsa', {
        modulusLength: 2048,
        publicKeyEncoding: { type: 'spki', format: 'der' },
        privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
      });
      const config = await file(
        `${dir}/opendkim.conf`,
        ...[`Socket inet:${port}@127.0.0.1`, 'Mode sv', 'AutoRestart no', 'Syslog no', 'RequireSafeKeys no'],
        ...['Domain example.com', 'Selector test', `KeyFile ${await file(`${dir}/key.pem`, privateKey)}`],
        // It signs for these, and asks no name server about others.
        ...[
          'InternalHosts 192.0.2.0/24',
          `TestPublicKeys ${await file(`${dir}/keys`)}`,
          'AlwaysAddARHeader yes',
        ],
      );
      return [await Daemon.start('/usr/sbin/opendkim', ['-f', '-x', config], port)];
    },
  },
  rspamd: {
    end: 'SIGTERM',
    missing: missingForRspamd,
    start: async (port, dir) => {
      const config = await file(
        `${dir}/rspamd.conf`,
        // Nothing in it may ask a name server.
        `options { pidfile = "${dir}/pid"; tempdir = "${dir}"; control_socket = "${dir}/control mode=0600"; filters = "";`,
        '  dns { nameserver = ["127.0.0.1:1"]; timeout = 0.1s; retransmits = 1; }',
        '  url_tld = "/usr/share/rspamd/effective_tld_names.dat"; }',
        'logging { type = "console"; level = "error"; }',
        `worker "rspamd_proxy" { bind_socket = "127.0.0.1:${port}"; milter = yes; count = 1;`,
        '  upstream "local" { self_scan = yes; default = yes; } }',
      );
      return [await Daemon.start('/usr/bin/rspamd', ['-f', '-i', '-c', config], port)];
    },
  },
  'clamav-milter': {
    missing: missingForClamAv,
    start: async (port, dir) => {
      const clamd = await freePort();
      // One signature, that of the test file of the EICAR.
      await file(`${dir}/test.hdb`, '44d88612fea8a8f36de82e1278abb02f:68:Eicar-Test');
      const daemon = await file(
        `${dir}/clamd.conf`,
        ...[`TCPSocket ${clamd}`, 'TCPAddr 127.0.0.1', `DatabaseDirectory ${dir}`, 'Foreground yes'],
      );
      const milter = await file(
        `${dir}/milter.conf`,
        ...[`MilterSocket inet:${port}@127.0.0.1`, `ClamdSocket tcp:127.0.0.1:${clamd}`, 'Foreground yes'],
        ...['AddHeader Replace', 'OnInfected Reject', 'OnFail Defer', 'RejectMsg There is %v in it'],
      );
      return [
        await Daemon.start('/usr/sbin/clamd', ['-c', daemon], clamd),
        await Daemon.start('/usr/sbin/clamav-milter', ['-c', milter], port),
      ];
    },
  },
} satisfies Record<string, OtherMilter>;

/** Starts a milter of others. */
export async function startMilter({ start, end = 'SIGKILL' }: OtherMilter): Promise<RunningMilter> {
  const dir = await mkdtemp('/var/tmp/rxmilter-check-');
  const port = await freePort();
  const daemons = await start(port, dir);
  return {
    address: `inet:${port}@127.0.0.1`,
    [Symbol.asyncDispose]: async () => {
      for (const daemon of daemons.reverse()) await daemon.stop(end);
      if (existsSync(dir)) await rm(dir, { recursive: true });
    },
  };
}
