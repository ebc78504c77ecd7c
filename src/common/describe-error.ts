import { systemReason } from './error-code.js';
import { excerpt } from './printable.js';
import { errorFrom } from './text-of.js';

/** Errors whose message says all that there is to say. */
const SPOKEN = new Set([
  'AnswerError',
  'CommandError',
  'EndpointError',
  'ListenError',
  'MilterError',
  'NegotiationError',
  'ProjectError',
  'RecordingError',
  'StaleReplyError',
  'UnansweredError',
  'UsageError',
]);
/** More of a message than this many characters does not help. */
const LONGEST = 1_000;

/**
 * What went wrong in a line, without where in the program that was: control characters are shown as escapes, and of a
 * very long message there is only the beginning. Never throws.
 */
export function describeError(thrown: unknown): string {
  const error = errorFrom(thrown);
  if (SPOKEN.has(error.name) || error !== thrown) return oneLine(error.message);
  try {
    if ('path' in error && typeof error.path === 'string') {
      return oneLine(`${excerpt(error.path)}: ${systemReason(error)}`);
    }
  } catch {
    // A getter of somebody's own.
  }
  return oneLine(`${error.name}: ${error.message}`);
}

function oneLine(text: string): string {
  return excerpt(text.trim(), LONGEST);
}
