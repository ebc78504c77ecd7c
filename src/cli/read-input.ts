import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';

import { systemReason } from '../common/error-code.js';
import type { CliIo } from './cli-io.js';
import { CommandError } from './command-error.js';

/**
 * Reads a file, or standard input where its name is `-`.
 *
 * @throws CommandError where that fails
 */
export async function readInput(file: string, { stdin, cwd }: CliIo): Promise<Buffer> {
  if (file !== '-') {
    try {
      return await readFile(resolve(cwd, file));
    } catch (error) {
      throw new CommandError(`Cannot read ${file}: ${systemReason(error)}`, {
        cause: error,
      });
    }
  }
  const chunks: Buffer[] = [];
  for await (const chunk of stdin) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}
