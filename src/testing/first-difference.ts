import { isDeepStrictEqual } from 'node:util';

/** The place where two values differ first. */
export interface Difference {
  /** `.decision.reply.lines[0]`; empty where it is the values themselves. */
  readonly path: string;
  readonly expected: unknown;
  readonly actual: unknown;
}

/**
 * Finds the first difference of two values; `undefined` where they are equal: objects by their fields (one that is
 * `undefined` counts as absent), bytes in buffers of any class, and by the matchers of a test runner.
 */
export function firstDifference(expected: unknown, actual: unknown, path = ''): Difference | undefined {
  const different: Difference = { path, expected, actual };
  if (Object.is(expected, actual)) return undefined;
  if (!isObject(expected)) return different;
  if (isMatcher(expected)) return expected.asymmetricMatch(actual) ? undefined : different;
  if (!isObject(actual)) return different;
  if (expected instanceof Uint8Array && actual instanceof Uint8Array) {
    return Buffer.compare(expected, actual) === 0 ? undefined : different;
  }
  const arrays = Array.isArray(expected) && Array.isArray(actual);
  if (arrays && expected.length !== actual.length) return different;
  if (!arrays && !(hasFields(expected) && hasFields(actual))) {
    return isDeepStrictEqual(expected, actual) ? undefined : different;
  }
  const [left, right] = [expected, actual] as Readonly<Record<string, unknown>>[];
  for (const key of Object.keys({ ...expected, ...actual })) {
    const found = firstDifference(left?.[key], right?.[key], path + (arrays ? `[${key}]` : `.${key}`));
    if (found !== undefined) return found;
  }
  return undefined;
}

function isMatcher(value: object): value is { asymmetricMatch(actual: unknown): boolean } {
  return 'asymmetricMatch' in value && typeof value.asymmetricMatch === 'function';
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

/** Whether an object is no more than its fields; others (errors, maps, dates …) have values beside them. */
function hasFields(value: object): boolean {
  return Object.prototype.toString.call(value) === '[object Object]' && !(Symbol.iterator in value);
}
