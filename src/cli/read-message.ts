import { EmlError, parseEml, type EmlParts } from '../mta/simulate/parse-eml.js';
import { CommandError } from './command-error.js';

/**
 * Takes a message apart as it stands in a file.
 *
 * @param what the file, for the message of the error
 * @throws CommandError where it is no message
 */
export function readMessage(bytes: Uint8Array, what: string): EmlParts {
  try {
    return parseEml(bytes);
  } catch (error) {
    if (!(error instanceof EmlError)) throw error;
    throw new CommandError(`${what} is no message. ${error.message}`, { cause: error });
  }
}
