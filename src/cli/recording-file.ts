import { createWriteStream } from 'node:fs';
import { resolve } from 'node:path';
import { finished } from 'node:stream/promises';

import { systemReason } from '../common/describe-error.js';
import { record } from '../recording/record.js';
import type { Redaction } from '../recording/redactor.js';
import type { TraceEntry } from '../session/connection/tracer.js';
import { CommandError } from './command.js';
import type { Terminal } from './terminal.js';

/** A recording that is being written. */
export interface RecordingFile {
  /** For the option `trace`. */
  readonly trace: (entry: TraceEntry) => void;
  /** Resolves when all of it is written. */
  close(): Promise<void>;
}

/**
 * Opens a file to record in, at whose end it goes on where there is one already. A new one is for its owner alone: it
 * has mail in it.
 *
 * Where it can no longer be written to, a line says so, and mail goes on without.
 *
 * @throws CommandError where it cannot be opened
 */
export async function openRecording(
  file: string,
  redact: Redaction | undefined,
  terminal: Terminal,
): Promise<RecordingFile> {
  const stream = createWriteStream(resolve(terminal.io.cwd, file), { flags: 'a', mode: 0o600 });
  await new Promise<void>((opened, failed) => {
    stream.once('open', () => opened());
    stream.once('error', (error) => {
      failed(
        new CommandError(`Cannot record in ${file}: ${systemReason(error)}`, {
          cause: error,
        }),
      );
    });
  });
  stream.on('error', (error) => {
    terminal.note(
      `rxmilter serve: nothing is recorded any more, ${file} cannot be written to: ${error.message}`,
    );
  });
  return {
    trace: record((line) => stream.writable && stream.write(line), { redact }),
    close: async () => {
      stream.end();
      await finished(stream).catch(() => undefined);
    },
  };
}
