import type { Readable } from 'node:stream';

import { errorFrom } from '../common/text-of.js';

/** For a stream that `calmReadable` is to look after: listeners that are async functions are listened to, too. */
export const CALM = { captureRejections: true };

/**
 * Sees to it that a stream that the user reads cannot end the process: an error of it that no code listens to is none
 * that is uncaught, and a listener that throws, or returns a promise that rejects, is told to `failed`, and ends the
 * stream. Node calls listeners where no caller can catch what they throw.
 */
export function calmReadable<R extends Readable>(stream: R, failed: (reason: unknown) => void): R {
  const end = (reason: unknown): void => {
    failed(reason);
    stream.destroy(errorFrom(reason));
  };
  const emit = stream.emit.bind(stream) as (...given: unknown[]) => boolean;
  stream.emit = (...given: unknown[]): boolean => {
    try {
      return emit(...given);
    } catch (reason) {
      end(reason);
      return true;
    }
  };
  Object.defineProperty(stream, Symbol.for('nodejs.rejection'), { value: end });
  return stream.on('error', () => undefined);
}
