import { excerpt } from './printable.js';
import { textOf } from './text-of.js';

/** The most milliseconds that a timer of Node takes, some 24 days; beyond it would fire at once. */
export const LONGEST_TIMER = 0x7fffffff;

/** A rule for the value of an option. */
export interface Rule {
  /** The end of the sentence "it has to be …". */
  readonly expected: string;
  /** `'right'`; `'type'` where the value is of another type, `'range'` where only the value is wrong. */
  check(value: unknown): 'right' | 'type' | 'range';
  /** Another sentence about a value that is not right, such as a word that was probably meant. */
  hint?(value: unknown): string | undefined;
  /** The options within, for an option that is an object of options. */
  readonly within?: Readonly<Record<string, Rule>>;
  /** The rule for each value, for an option that is an array. */
  readonly each?: Rule;
  /** For an option that has to be given: a sentence that says what to give. */
  readonly required?: string;
}

/** A rule for each option that a function has. */
export type Rules<O extends object = object> = { readonly [K in keyof Required<O>]: Rule };

type Table = Readonly<Record<string, Rule>>;

/**
 * Throws where an option is misspelt, of the wrong type, out of its range or missing: an option that is not understood
 * must not count as the default. An option that is `undefined` is not given.
 *
 * Every enumerable name of the object's own has to be known. Inherited options, such as getters of a class, are read, too.
 *
 * @param where the function, as its user calls it: `serve()`
 * @throws TypeError for an unknown or missing name or a wrong type, RangeError for a value out of its range
 * @example checkOptions<BackoffOptions>('backoff()', options, { initial: milliseconds(1), max: milliseconds(1) });
 */
export function checkOptions<O extends object>(
  where: string,
  given: unknown,
  rules: Rules<O>,
  noun: 'option' | 'field' = 'option',
): void {
  check({ where, noun }, '', given === undefined ? {} : given, rules);
}

/** The same for an argument that is a value by itself; `name` is the subject of the sentence: `the duration`. */
export function checkArgument(where: string, name: string, value: unknown, rule: Rule): void {
  if (value === undefined || rule.check(value) !== 'right') {
    checkValue({ where, noun: 'argument' }, name, value, rule.required === undefined ? required(rule) : rule);
  }
}

/** The options that a function has; others may be for another function that is called beside it. */
export function pickOptions<O extends object>(given: O, rules: Rules<O>): O {
  const names = Object.keys(rules) as (keyof O)[];
  return Object.fromEntries(names.map((name) => [name, given[name]])) as O;
}

/** The defaults, with the given values in their place; `undefined` is not given. */
export function withDefaults<D extends object>(
  defaults: D,
  given: { readonly [K in keyof D]?: D[K] | undefined } = {},
): D {
  const all: D = { ...defaults };
  for (const name of Object.keys(defaults) as (keyof D)[]) {
    const value = given[name];
    if (value !== undefined) all[name] = value;
  }
  return all;
}

/** Throws a `TypeError` where a name is nearly a known one: for objects that may have other names, too. */
export function checkSpelling<O extends object>(
  where: string,
  given: O,
  rules: Rules<O>,
  noun: 'option' | 'field' = 'option',
): void {
  for (const name of Object.keys(given)) {
    if (!Object.hasOwn(rules, name) && didYouMean(name, Object.keys(rules)) !== undefined) {
      throw unknownName({ where, noun }, '', name, rules);
    }
  }
}

interface Call {
  readonly where: string;
  readonly noun: string;
}

function check(call: Call, path: string, given: unknown, rules: Table): void {
  const { where, noun } = call;
  if (!isObject(given)) {
    throw new TypeError(`${where}: the ${noun}s are ${shown(given)}; they have to be an object.`);
  }
  for (const name of Object.keys(given)) {
    if (!Object.hasOwn(rules, name)) throw unknownName(call, path, name, rules);
  }
  for (const [name, rule] of Object.entries(rules)) checkValue(call, path + name, given[name], rule);
}

function checkValue(call: Call, name: string, value: unknown, rule: Rule): void {
  const { where, noun } = call;
  if (value === undefined) {
    if (rule.required === undefined) return;
    const subject = noun === 'argument' ? name : `the ${noun} ${name}`;
    throw new TypeError(`${where}: ${subject} is missing. ${rule.required}`);
  }
  const fit = rule.check(value);
  if (fit !== 'right') {
    const hint = rule.hint?.(value);
    const words = `${where}: ${name} is ${shown(value)}; it has to be ${rule.expected}.${hint === undefined ? '' : ` ${hint}`}`;
    throw fit === 'type' ? new TypeError(words) : new RangeError(words);
  }
  const { within, each } = rule;
  if (within !== undefined && isObject(value)) check(call, `${name}.`, value, within);
  if (each === undefined || !Array.isArray(value)) return;
  for (const [at, one] of value.entries()) checkValue(call, `${name}[${at}]`, one, each);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function unknownName({ where, noun }: Call, path: string, name: string, rules: Table): TypeError {
  const advice = adviceFor(path, name, rules);
  return new TypeError(`${where}: there is no ${noun} ${excerpt(path + name, 60)}. ${advice}`);
}

function adviceFor(path: string, name: string, rules: Table): string {
  const names = Object.keys(rules);
  const meant = didYouMean(name, names);
  if (meant !== undefined) return `Did you mean ${path}${meant}?`;
  // One of a group of options, given beside the group.
  for (const [group, { within = {} }] of Object.entries(rules)) {
    const inner = didYouMean(name, Object.keys(within));
    if (inner !== undefined) return `Did you mean ${path}${group}: { ${inner}: … }?`;
  }
  return `There are ${[...names].sort().join(', ')}.`;
}

/** A value as a message quotes it. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return `'${excerpt(value, 60)}'`;
  if (typeof value === 'function') return 'a function';
  // In one line.
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
  return {
    ...given,
    expected: [...values.map(shown), given.expected].join(' or '),
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
      const fits = rules.map((one) => one.check(value));
      return (['right', 'range'] as const).find((fit) => fits.includes(fit)) ?? 'type';
    },
    hint: (value) => rules.map((one) => one.hint?.(value)).find((hint) => hint !== undefined),
    ...(within && { within }),
    ...(each && { each }),
  };
}

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
    (value) => typeof value === 'number',
    (value) => kind(value) && Number(value) >= least && Number(value) <= most,
  );
}

/** `true` or `false`. */
export const boolean: Rule = rule('true or false', (value) => typeof value === 'boolean');

/** A function. */
export const func: Rule = rule('a function', (value) => typeof value === 'function');

/** A string. */
export const string: Rule = rule('a string', (value) => typeof value === 'string');

/** A string or bytes. */
export const text = rule(
  'a string or bytes',
  (value) => typeof value === 'string' || value instanceof Uint8Array,
);

/** Any value: it is checked elsewhere, with words of its own. */
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

/** A signal that ends something early. */
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
  return { ...rule('an object', isObject), within: rules };
}

/** An object whose names are anything, and whose values are alike. */
export function record(each: Rule): Rule {
  const fits = (value: unknown): boolean => value === undefined || each.check(value) === 'right';
  return rule(
    `an object whose values are ${each.expected}`,
    isObject,
    (value) => isObject(value) && Object.values(value).every(fits),
  );
}

/** Longer words are not compared: no name is that long, and the work grows with the square. */
const LONGEST_WORD = 64;

/** Finds the word of a list that was probably meant, where one is near enough. */
export function didYouMean(word: string, words: readonly string[]): string | undefined {
  if (word.length > LONGEST_WORD) return undefined;
  const [best] = words
    .map((each) => ({ each, far: distance(folded(word), folded(each)) }))
    .sort((one, other) => one.far - other.far);
  return best !== undefined && best.far <= Math.max(1, Math.floor(word.length / 3)) ? best.each : undefined;
}

/** Other ways of writing a name are the same name: `max-keys`, `max_keys` and `MAXKEYS` are `maxKeys`. */
function folded(word: string): string {
  return word.replace(/[-_]/g, '').toLowerCase();
}

/** How many letters are to be changed, put in, left out or swapped with the next one. */
function distance(from: string, to: string): number {
  let before: number[] = [];
  let last: number[] = [];
  let row = Array.from({ length: to.length + 1 }, (_, at) => at);
  for (let i = 1; i <= from.length; i++) {
    [before, last, row] = [last, row, [i]];
    for (let j = 1; j <= to.length; j++) {
      const same = from[i - 1] === to[j - 1] ? 0 : 1;
      const swapped = i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1];
      row.push(
        Math.min(
          (last[j] ?? 0) + 1,
          (row[j - 1] ?? 0) + 1,
          (last[j - 1] ?? 0) + same,
          swapped ? (before[j - 2] ?? 0) + 1 : Infinity,
        ),
      );
    }
  }
  return row[to.length] ?? 0;
}
