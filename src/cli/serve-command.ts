import { printable } from '../common/printable.js';
import type { Redaction } from '../recording/redactor.js';
import type { ServeOptions } from '../server/options.js';
import { serve } from '../server/serve.js';
import { complaint } from '../session/complaint.js';
import { accept, reject, tempfail } from '../session/decisions.js';
import type { Failure } from '../session/options.js';
import type { Outcome } from '../session/outcome.js';
import type { Command } from './command.js';
import { groupId } from './group-id.js';
import { loadFilter } from './load-filter.js';
import { parseArguments } from './parse-arguments.js';
import { type RecordingFile, openRecording } from './recording-file.js';
import { SERVE_HELP } from './serve-help.js';
import type { Terminal } from './terminal.js';
import { UsageError } from './usage-error.js';

const OPTIONS = {
  listen: { type: 'string' },
  mode: { type: 'string' },
  group: { type: 'string' },
  failure: { type: 'string' },
  record: { type: 'string' },
  redact: { type: 'string' },
} as const;

const FAILURES: Readonly<Record<string, Failure>> = {
  tempfail: tempfail(),
  reject: reject(),
  accept: accept(),
};
const REDACTIONS: readonly string[] = ['addresses', 'content'] satisfies (keyof Redaction)[];

/** Serves the filter of a module. */
export const serveCommand: Command = {
  name: 'serve',
  summary: 'serve the filter that a module exports',
  help: SERVE_HELP,
  async run(args, terminal) {
    const { values, positionals } = parseArguments(args, OPTIONS, ['FILTER.js']);
    if (values.listen === undefined) {
      throw new UsageError('--listen is missing: say where, as in --listen inet:8891@127.0.0.1.');
    }
    if (values.redact !== undefined && values.record === undefined) {
      throw new UsageError('--redact is about a recording: say where to record with --record.');
    }
    const redact = values.redact === undefined ? undefined : redactionOf(values.redact);
    const said = {
      listen: values.listen,
      ...(values.mode === undefined ? {} : { mode: modeOf(values.mode) }),
      ...(values.group === undefined ? {} : { group: groupId(values.group) }),
      ...(values.failure === undefined ? {} : { failure: failureOf(values.failure) }),
    };
    const [file = ''] = positionals;
    const { filter, options } = await loadFilter(file, terminal);
    const recording =
      values.record === undefined ? undefined : await openRecording(values.record, redact, terminal);
    try {
      const onError = (error: Error, outcome: Outcome): void => terminal.note(complaint(error, outcome));
      const trace = both(options.trace, recording);
      const server = await serve(filter, { onError, ...options, ...said, ...(trace && { trace }) });
      const stopped = untilStopped(terminal, server);
      const also = /^inet6:\d+@[0:]+$/.test(server.address) ? ' (also for IPv4)' : '';
      terminal.line(`Listening on ${printable(server.address)}${also}`);
      await stopped;
    } finally {
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

function both(
  own: ServeOptions['trace'],
  recording: RecordingFile | undefined,
): ServeOptions['trace'] | undefined {
  if (own === undefined || recording === undefined) return own ?? recording?.trace;
  return (entry) => {
    recording.trace(entry);
    own(entry);
  };
}

function modeOf(text: string): number {
  if (/^0?[0-7]{3}$/.test(text)) return parseInt(text, 8);
  throw new UsageError(`--mode ${text}: no permissions in octal. Write for example --mode 660.`);
}

function failureOf(text: string): Failure {
  const failure = Object.hasOwn(FAILURES, text) ? FAILURES[text] : undefined;
  if (failure !== undefined) return failure;
  throw new UsageError(`--failure ${text}: use ${Object.keys(FAILURES).join(', ')}.`);
}

function redactionOf(text: string): Redaction {
  const words = text.split(',');
  const bad = words.find((word) => !REDACTIONS.includes(word));
  if (bad !== undefined) {
    throw new UsageError(`--redact ${text}: use ${REDACTIONS.join(', ')} or ${REDACTIONS.join(',')}.`);
  }
  return Object.fromEntries(words.map((word) => [word, true]));
}
