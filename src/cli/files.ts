import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { finished } from 'node:stream/promises';

import { systemReason } from '../common/describe-error.js';
import { EmlError, type EmlParts, parseEml } from '../mta/simulate/parse-eml.js';
import { record } from '../recording/record.js';
import type { Redaction } from '../recording/redactor.js';
import type { TraceEntry } from '../session/connection/tracer.js';
import { CommandError } from './command.js';
import type { CliIo, Terminal } from './terminal.js';

/**
 * Reads a file, or standard input where its name is `-`.
 *
 * @throws CommandError where that fails
 */
export async function readInput(file: string, { stdin, cwd }: CliIo): Promise<Buffer> {
  if (file === '-') return buffer(stdin);
  try {
    return await readFile(resolve(cwd, file));
  } catch (error) {
    throw new CommandError(`Cannot read ${file}: ${systemReason(error)}`, { cause: error });
  }
}

/** Reads a message, and takes it apart. */
export async function readMessage(file: string, io: CliIo): Promise<EmlParts> {
  const bytes = await readInput(file, io);
  try {
    return parseEml(bytes);
  } catch (error) {
    if (!(error instanceof EmlError)) throw error;
    const what = file === '-' ? 'The standard input' : file;
    throw new CommandError(`${what} is no message. ${error.message}`, { cause: error });
  }
}

/** A recording that is being written. */
export interface RecordingFile {
  /** For the option `trace`. */
  readonly trace: (entry: TraceEntry) => void;
  /** Resolves when all of it is written. */
  close(): Promise<void>;
}

/**
 * Opens a file to record in, and goes on at its end. A new one is for its owner alone: it has mail in it.
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
  try {
    await once(stream, 'open');
  } catch (error) {
    throw new CommandError(`Cannot record in ${file}: ${systemReason(error)}`, { cause: error });
  }
  stream.on('error', ({ message }) => {
    terminal.note(`rxmilter serve: nothing is recorded any more, ${file} cannot be written to: ${message}`);
  });
  return {
    trace: record((line) => stream.writable && stream.write(line), { redact }),
    close: async () => {
      stream.end();
      await finished(stream).catch(() => undefined);
    },
  };
}
