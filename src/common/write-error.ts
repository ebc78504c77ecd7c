import { errorFrom, messageOf } from './text-of.js';

let pending = 0;

const ignore = (): void => undefined;

/** Writes a line to standard error; throws nothing, and ends nothing where that cannot be written to. */
export function writeError(line: string): void {
  try {
    const { stderr } = process;
    // A pipe that is not read any more is an error, and an error without a listener ends the process.
    if (pending++ === 0) stderr.on('error', ignore);
    stderr.write(`${line}\n`, () => {
      // The error comes after this.
      setImmediate(() => {
        if (--pending === 0) stderr.off('error', ignore);
      });
    });
  } catch {
    // There is no standard error.
  }
}

/** Makes a warning of the process of any value that was thrown; never throws. */
export function warn(thrown: unknown): void {
  try {
    process.emitWarning(errorFrom(thrown));
  } catch {
    // Node takes no object without a stack of its own for an error.
    process.emitWarning(messageOf(thrown));
  }
}
