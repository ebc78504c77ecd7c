import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { buffer } from 'node:stream/consumers';

import { systemReason } from '../common/describe-error.js';
import { EmlError, type EmlParts, parseEml } from '../mta/simulate/parse-eml.js';
import { CommandError } from './command.js';
import type { CliIo } from './terminal.js';

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

/**
 * Reads a message, and takes it apart.
 *
 * @throws CommandError where it cannot be read, or is no message
 */
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
