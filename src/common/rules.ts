import { didYouMean } from './did-you-mean.js';
import { excerpt } from './printable.js';
import { textOf } from './text-of.js';

/** The most milliseconds that a timer of Node takes, some 24 days; beyond it would fire at once. */
export const LONGEST_TIMER = 0x7fffffff;

/** What the value of an option has to be. */
export interface Rule {
  /** The end of the sentence "it has to be …". */
  readonly expected: string;
  /** Says whether the value is right, `'type'` where it is of another type, `'range'` where only the value is wrong. */
  check(value: unknown): 'right' | 'type' | 'range';
  /** A sentence more about a value that is not right, such as what was probably meant. */
  hint?(value: unknown): string | undefined;
  /** The options within, for an option that is an object of options. */
  readonly within?: Readonly<Record<string, Rule>>;
  /** What each of them has to be, for an option that is an array. */
  readonly each?: Rule;
  /** For an option that has to be given: a sentence that says what to give. */
  readonly required?: string;
}

/** A rule for each option that a function has. */
export type Rules<O extends object = object> = { readonly [K in keyof Required<O>]: Rule };

/** A value as a message quotes it. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return `'${excerpt(value, 60)}'`;
  if (typeof value === 'function') return 'a function';
  // In one line, whatever it is.
  return excerpt(textOf(value).slice(0, 200).replace(/\n\s*/g, ' '), 60);
}

/** A rule from a test; a value that is not even of the type is a matter of type. */
export function rule(expected: string, isType: (value: unknown) => boolean, fits = isType): Rule {
  return { expected, check: (value) => (!isType(value) ? 'type' : fits(value) ? 'right' : 'range') };
}

/** The same rule for an option that has no default. */
export function required(given: Rule, advice = `It has to be ${given.expected}.`): Rule {
  return { ...given, required: advice };
}

/** The same rule for an option that may also be one of some values. */
export function or(given: Rule, ...values: readonly unknown[]): Rule {
  const named = values.map((value) => (typeof value === 'string' ? `'${value}'` : String(value)));
  return {
    ...given,
    expected: [...named, given.expected].join(' or '),
    check: (value) => (values.includes(value) ? 'right' : given.check(value)),
    hint: (value) => nearest(value, values) ?? given.hint?.(value),
  };
}

/** A rule for an option that may be of several kinds. */
export function either(...rules: readonly Rule[]): Rule {
  const within = rules.find((one) => one.within !== undefined)?.within;
  const each = rules.find((one) => one.each !== undefined)?.each;
  return {
    expected: rules.map(({ expected }) => expected).join(', or '),
    check: (value) => {
      const verdicts = rules.map((one) => one.check(value));
      return (['right', 'range'] as const).find((verdict) => verdicts.includes(verdict)) ?? 'type';
    },
    hint: (value) => rules.map((one) => one.hint?.(value)).find((hint) => hint !== undefined),
    ...(within && { within }),
    ...(each && { each }),
  };
}

const isNumber = (value: unknown): value is number => typeof value === 'number';

/** A number from `least` to `most`. */
export function number(least: number, most = Infinity, unit = ''): Rule {
  return numeric(unit === '' ? 'a number' : `a number of ${unit}`, Number.isFinite, least, most);
}

/** A whole number from `least` to `most`. */
export function whole(least: number, most = Number.MAX_SAFE_INTEGER): Rule {
  return numeric('a whole number', Number.isSafeInteger, least, most);
}

/** Milliseconds that fit a timer, from `least` on. */
export function milliseconds(least: number, most = LONGEST_TIMER): Rule {
  return number(least, most, 'milliseconds');
}

function numeric(what: string, kind: (value: unknown) => boolean, least: number, most: number): Rule {
  const end = most === Infinity || most === Number.MAX_SAFE_INTEGER ? 'on' : `to ${most}`;
  return rule(
    `${what} from ${least} ${end}`,
    isNumber,
    (value) => kind(value) && isNumber(value) && value >= least && value <= most,
  );
}

/** `true` or `false`. */
export const boolean: Rule = rule('true or false', (value) => typeof value === 'boolean');

/** A function. */
export const func: Rule = rule('a function', (value) => typeof value === 'function');

/** A string. */
export const string: Rule = rule('a string', (value) => typeof value === 'string');

/** A string or bytes. */
export const text: Rule = rule(
  'a string or bytes',
  (value) => typeof value === 'string' || value instanceof Uint8Array,
);

/** What is checked elsewhere, with words of its own. */
export const anything: Rule = rule('anything', () => true);

/** An object, or a function, that has these functions. */
export function having(expected: string, ...names: readonly string[]): Rule {
  return rule(expected, (value) => {
    if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false;
    return names.every((name) => typeof (value as Readonly<Record<string, unknown>>)[name] === 'function');
  });
}

/** A scheduler of RxJS. */
export const scheduler: Rule = having('a scheduler of RxJS, such as asyncScheduler', 'now', 'schedule');

/** What ends something early. */
export const signal: Rule = having('an AbortSignal', 'addEventListener', 'throwIfAborted');

/** One of these values. */
export function oneOf(...values: readonly (string | number | boolean)[]): Rule {
  const names = values.map((value) => shown(value)).join(', ');
  const type = typeof values[0];
  return {
    ...rule(
      `one of ${names}`,
      (value) => typeof value === type,
      (value) => values.includes(value as string),
    ),
    hint: (value) => nearest(value, values),
  };
}

function nearest(value: unknown, values: readonly unknown[]): string | undefined {
  if (typeof value !== 'string') return undefined;
  const meant = didYouMean(
    value,
    values.filter((each) => typeof each === 'string'),
  );
  return meant === undefined ? undefined : `Did you mean '${meant}'?`;
}

/** An array of these names. */
export function listOf(...names: readonly string[]): Rule {
  return list(oneOf(...names), `an array of ${names.map((name) => shown(name)).join(', ')}`);
}

/** An array of such values. */
export function list(each: Rule, expected = `an array; each of its values has to be ${each.expected}`): Rule {
  return { ...rule(expected, Array.isArray), each };
}

/** An object of options. */
export function object<O extends object>(rules: Rules<O>): Rule {
  const isObject = (value: unknown): boolean =>
    typeof value === 'object' && value !== null && !Array.isArray(value);
  return { ...rule('an object', isObject), within: rules };
}

/** An object whose names are anything, and whose values are alike. */
export function record(each: Rule): Rule {
  const fits = (value: unknown): boolean => value === undefined || each.check(value) === 'right';
  return rule(
    `an object whose values are ${each.expected}`,
    (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
    (value) => Object.values(value as Readonly<Record<string, unknown>>).every(fits),
  );
}
