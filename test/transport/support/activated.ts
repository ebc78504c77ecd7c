import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, onTestFinished } from 'vitest';

import { compiled } from '../../message/support/compiled.js';

/** Why nothing can be started here as systemd starts it; nothing where it can. */
export function missingForActivation(): string | undefined {
  if (spawnSync('perl', ['-e', '1']).status !== 0) return 'there is no perl';
  return undefined;
}

/** Opens sockets as file descriptor 3 and on, in their order, in a process that then becomes another one. */
const OPEN = `
  use Socket qw(:DEFAULT inet_pton pack_sockaddr_in6);
  $^F = 99;
  sub opened { my ($family, $type, $address, $listen) = @_;
    socket(my $s, $family, $type, 0) or die "socket: $!";
    if (defined $address) { bind($s, $address) or die "bind: $!" }
    if ($listen) { listen($s, 16) or die "listen: $!" }
    push @main::kept, $s; $s }
  sub inet { pack_sockaddr_in(0, inet_aton('127.0.0.1')) }
`;

/** A program that was started with sockets, and says a line of JSON now and then. */
export class Activated {
  readonly process: ChildProcess;
  readonly exited: Promise<unknown>;
  readonly #lines: AsyncIterator<string>;

  constructor(process: ChildProcess) {
    this.process = process;
    this.exited = once(process, 'exit');
    if (process.stdout === null) throw new Error('Its output is not read.');
    this.#lines = createInterface(process.stdout)[Symbol.asyncIterator]();
  }

  /** What it says next. */
  async says(): Promise<unknown> {
    const { done, value } = await this.#lines.next();
    if (done === true) throw new Error('It says nothing any more.');
    return JSON.parse(value) as unknown;
  }

  /** Sends it a line. */
  tell(line: string): void {
    this.process.stdin?.write(`${line}\n`);
  }
}

/** Starts programs of the library's users in processes that systemd would have started. Call it outside of tests. */
export function activation(): {
  /** Runs `program`; `say`, `hear`, `inheritedSockets`, `serve`, `on` and `reject` are there. */
  argv: (program: string) => string[];
  /** Runs it with what `open`, in Perl, has opened; `start` is what becomes of the process that has. */
  start: (open: string, program: string, start?: string) => Activated;
} {
  const directory = mkdtempSync(join(tmpdir(), 'rxmilter-activated-'));
  afterAll(() => rmSync(directory, { recursive: true }));
  symlinkSync(
    fileURLToPath(new URL('../../../node_modules', import.meta.url)),
    join(directory, 'node_modules'),
  );
  const imports = [
    ['inheritedSockets', 'transport/sockets/inherited-sockets.ts'],
    ['serve', 'server/serve.ts'],
    ['on', 'operators/on.ts'],
    ['reject', 'session/decisions.ts'],
  ].map(([name = '', file = '']) => `import { ${name} } from '${compiled(file, directory)}';`);
  const preamble = `${imports.join('\n')}
    import { once } from 'node:events';
    const say = (it) => process.stdout.write(JSON.stringify(it) + '\\n');
    const hear = () => once(process.stdin, 'data');`;
  const argv = (program: string): string[] => [
    process.execPath,
    '--input-type=module',
    '-e',
    `${preamble}\n${program}\nprocess.exit();`,
  ];
  return {
    argv,
    start: (open, program, start = '$ENV{LISTEN_PID} = $$; exec @ARGV') => {
      const child = spawn('perl', ['-e', `${OPEN}${open};\n${start}`, ...argv(program)], {
        stdio: ['pipe', 'pipe', 'inherit'],
      });
      onTestFinished(() => void child.kill('SIGKILL'));
      return new Activated(child);
    },
  };
}
