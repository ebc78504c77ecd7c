import { CommandError } from './command-error.js';
import { systemReason } from './system-reason.js';

/** Errors whose message says all that there is to say. */
const SPOKEN = new Set([
  'AnswerError',
  'EndpointError',
  'ListenError',
  'MilterError',
  'ProjectError',
  'RecordingError',
  'UsageError',
]);

/** What went wrong in a line, without where in the program that was. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return oneLine(String(error));
  if (error instanceof CommandError || SPOKEN.has(error.name)) return oneLine(error.message);
  if ('path' in error) return oneLine(`${String(error.path)}: ${systemReason(error)}`);
  return oneLine(`${error.name}: ${error.message}`);
}

function oneLine(text: string): string {
  return text.replace(/\s*\n\s*/g, ' ').trim();
}
