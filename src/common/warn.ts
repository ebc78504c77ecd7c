import { errorFrom, messageOf } from './text-of.js';

/** Makes a warning of the process of any value that was thrown; never throws. */
export function warn(thrown: unknown): void {
  try {
    process.emitWarning(errorFrom(thrown));
  } catch {
    // Node takes no object without a stack of its own for an error.
    process.emitWarning(messageOf(thrown));
  }
}
