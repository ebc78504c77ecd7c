import { isDeepStrictEqual } from 'node:util';

/** Where two values differ first. */
export interface Difference {
  /** `.decision.reply.lines[0]`; empty where it is the values themselves. */
  readonly path: string;
  readonly expected: unknown;
  readonly actual: unknown;
}

/**
 * Finds the first difference of two values; `undefined` where there is none.
 *
 * Objects are equal by their fields (one that is `undefined` counts as absent), bytes by their values whatever holds
 * them, and matchers of a test runner (`expect.any(String)`) match what they match.
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
  if (Array.isArray(expected) && Array.isArray(actual)) {
    if (expected.length !== actual.length) return different;
    return firstOf(expected.keys(), (at) => firstDifference(expected[at], actual[at], `${path}[${at}]`));
  }
  if (!hasFields(expected) || !hasFields(actual)) {
    return isDeepStrictEqual(expected, actual) ? undefined : different;
  }
  const keys = new Set([...Object.keys(expected), ...Object.keys(actual)]);
  return firstOf(keys, (key) => firstDifference(expected[key], actual[key], `${path}.${key}`));
}

interface Matcher {
  asymmetricMatch(actual: unknown): boolean;
}

function isMatcher(value: object): value is Matcher {
  return 'asymmetricMatch' in value && typeof value.asymmetricMatch === 'function';
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

/** Whether an object is no more than its fields; others (errors, maps, dates …) know more of themselves. */
function hasFields(value: object): value is Readonly<Record<string, unknown>> {
  return Object.prototype.toString.call(value) === '[object Object]' && !(Symbol.iterator in value);
}

function firstOf<T>(items: Iterable<T>, find: (item: T) => Difference | undefined): Difference | undefined {
  for (const item of items) {
    const found = find(item);
    if (found !== undefined) return found;
  }
  return undefined;
}
