import { printable } from '../common/printable.js';
import type { Redaction } from '../recording/redactor.js';
import type { ServeOptions } from '../server/options.js';
import { serve } from '../server/serve.js';
import { complaint } from '../session/complaint.js';
import { accept, reject, tempfail } from '../session/decisions.js';
import type { Failure } from '../session/options.js';
import { type Command, UsageError, choice, defined, parseArguments } from './command.js';
import { openRecording } from './files.js';
import { loadFilter } from './load-filter.js';
import { messageJson, messageLine } from './message-line.js';
import { openMetrics } from './metrics.js';
import type { Terminal } from './terminal.js';

const HELP = `Usage: rxmilter serve --listen ENDPOINT [options] FILTER.js

Serves the filter that a module exports. Its default export is a filter, an Observable of
filters (the newest serves each new connection), or a function that returns one of these,
async or not, and has no parameters. An export named options may hold what serve() takes.

  --listen ENDPOINT    where to listen: inet:8891@127.0.0.1, inet6:8891@::1, unix:/run/filter.sock
  --mode MODE          permissions of a Unix socket, in octal. Default: 660
  --group GROUP        name or number of the group that a Unix socket is given to
  --failure DECISION   what an event gets for which the filter failed: tempfail, reject, accept
                       Default: tempfail
  --log                write a line for each message that is over
  --json               write these lines as JSON
  --metrics ENDPOINT   let Prometheus read metrics at http://…/metrics there: inet:9464@127.0.0.1
  --record FILE        record what goes over the wire, to be played again by rxmilter replay
  --redact WHAT        leave out of it: addresses, content, or addresses,content

  --debug              where in the program an error came from
  -h, --help           this

Ctrl-C (or SIGTERM) stops: messages in progress are finished. A second one ends at once.

Exit status: 0 stopped; 1 it could not start; 2 the command line makes no sense.

Examples:
  rxmilter serve --listen inet:8891@127.0.0.1 filter.mjs
  rxmilter serve --listen unix:/var/spool/postfix/rxmilter/filter.sock --group postfix filter.mjs
  rxmilter serve --listen inet:8891@127.0.0.1 --record mail.jsonl --redact content filter.mjs
`;

const OPTIONS = {
  listen: { type: 'string' },
  mode: { type: 'string' },
  group: { type: 'string' },
  failure: { type: 'string' },
  record: { type: 'string' },
  redact: { type: 'string' },
  log: { type: 'boolean' },
  json: { type: 'boolean' },
  metrics: { type: 'string' },
} as const;

const FAILURES: Readonly<Record<string, Failure>> = {
  tempfail: tempfail(),
  reject: reject(),
  accept: accept(),
};
type Trace = NonNullable<ServeOptions['trace']>;
const REDACTIONS: readonly string[] = ['addresses', 'content'] satisfies (keyof Redaction)[];

/** Serves the filter of a module. */
export const serveCommand: Command = {
  name: 'serve',
  summary: 'serve the filter that a module exports',
  help: HELP,
  async run(args, terminal) {
    const { values, positionals } = parseArguments(args, OPTIONS, ['FILTER.js']);
    if (values.listen === undefined) {
      throw new UsageError('--listen is missing: say where, as in --listen inet:8891@127.0.0.1.');
    }
    if (values.redact !== undefined && values.record === undefined) {
      throw new UsageError('--redact is about a recording: say where to record with --record.');
    }
    if (values.json === true && values.log !== true) {
      throw new UsageError('--json is about the lines of --log: give both.');
    }
    const redact = values.redact === undefined ? undefined : redactionOf(values.redact);
    const { mode, group, failure } = values;
    const given = defined({
      mode: mode === undefined ? undefined : modeOf(mode),
      group,
      failure: failure === undefined ? undefined : choice(failure, FAILURES, `--failure ${failure}: use`),
    });
    const [file = ''] = positionals;
    const { filter, options } = await loadFilter(file, terminal);
    const recording =
      values.record === undefined ? undefined : await openRecording(values.record, redact, terminal);
    const metrics = values.metrics === undefined ? undefined : await openMetrics(values.metrics);
    try {
      const onError = options.onError ?? ((error, outcome) => terminal.note(complaint(error, outcome)));
      const server = await serve(filter, {
        ...options,
        ...given,
        onError: (error, outcome) => {
          metrics?.failed();
          return onError(error, outcome);
        },
        listen: values.listen,
        ...(recording && { trace: both(recording.trace, options.trace) }),
      });
      if (values.log === true) {
        const write = values.json === true ? messageJson : messageLine;
        server.messages.subscribe((message) => terminal.line(write(message)));
      }
      if (metrics !== undefined) server.messages.subscribe((message) => metrics.count(message));
      const stopped = untilStopped(terminal, server);
      const also = /^inet6:\d+@[0:]+$/.test(server.address) ? ' (also for IPv4)' : '';
      terminal.line(`Listening on ${printable(server.address)}${also}`);
      if (metrics !== undefined) terminal.line(`Metrics on ${printable(metrics.address)}`);
      await stopped;
    } finally {
      metrics?.close();
      await recording?.close();
    }
    return 0;
  },
};

/** The first time it drains, the second time it ends everything. */
async function untilStopped(
  terminal: Terminal,
  server: { close(): Promise<void>; destroy(): void },
): Promise<void> {
  let stops = 0;
  let stopListening = (): void => undefined;
  await new Promise<void>((resolve, reject) => {
    stopListening = terminal.io.onStop(() => {
      stops++;
      if (stops === 1) {
        terminal.note('Stopping. Messages in progress are finished; once more ends them at once.');
        server.close().then(resolve, reject);
      } else if (stops === 2) server.destroy();
    });
  });
  stopListening();
}

function both(recorded: Trace, own: Trace | undefined): Trace {
  return (entry) => {
    recorded(entry);
    own?.(entry);
  };
}

function modeOf(text: string): number {
  if (/^0?[0-7]{3}$/.test(text)) return parseInt(text, 8);
  throw new UsageError(`--mode ${text}: no permissions in octal. Write for example --mode 660.`);
}

function redactionOf(text: string): Redaction {
  const words = text.split(',');
  const bad = words.find((word) => !REDACTIONS.includes(word));
  if (bad !== undefined) {
    throw new UsageError(`--redact ${text}: use ${REDACTIONS.join(', ')} or ${REDACTIONS.join(',')}.`);
  }
  return Object.fromEntries(words.map((word) => [word, true]));
}
