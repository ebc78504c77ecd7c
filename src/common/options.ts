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
  /** The options within, for an option that is an object of options. */
  readonly within?: Rules;
}

/** A rule for each option that a function has. */
export type Rules<O extends object = object> = { readonly [K in keyof Required<O>]: Rule };

/**
 * Throws where an option is misspelt, of the wrong type or out of its range: what is not understood must not count as
 * the default. An option that is `undefined` is not given.
 *
 * @param where the function, as its user calls it: `serve()`
 * @throws TypeError for an unknown name or a wrong type, RangeError for a value out of its range
 * @example checkOptions<BackoffOptions>('backoff()', options, { initial: milliseconds(1), max: milliseconds(1) });
 */
export function checkOptions<O extends object>(where: string, given: unknown, rules: Rules<O>): void {
  check(where, '', given, rules);
}

function check(where: string, path: string, given: unknown, rules: Readonly<Record<string, Rule>>): void {
  if (given === undefined) return;
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    const whose = path === '' ? 'the options are' : `${path.slice(0, -1)} is`;
    throw new TypeError(`${where}: ${whose} ${shown(given)}; it has to be an object of options.`);
  }
  for (const name of Object.keys(given)) {
    const rule = Object.hasOwn(rules, name) ? rules[name] : undefined;
    if (rule === undefined) throw unknownName(where, path + name, name, Object.keys(rules));
    const value: unknown = (given as Readonly<Record<string, unknown>>)[name];
    if (value === undefined) continue;
    const verdict = rule.check(value);
    if (verdict !== 'right') {
      const words = `${where}: ${path}${name} is ${shown(value)}; it has to be ${rule.expected}.`;
      throw verdict === 'type' ? new TypeError(words) : new RangeError(words);
    }
    if (rule.within !== undefined)
      check(where, `${path}${name}.`, value, rule.within as Readonly<Record<string, Rule>>);
  }
}

function unknownName(where: string, path: string, name: string, names: readonly string[]): TypeError {
  const meant = didYouMean(name, names);
  const advice =
    meant === undefined
      ? `It knows ${[...names].sort().join(', ')}.`
      : `Did you mean ${path.slice(0, path.length - name.length)}${meant}?`;
  return new TypeError(`${where}: there is no option ${excerpt(path, 60)}. ${advice}`);
}

/** A value as a message quotes it. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return `'${excerpt(value, 60)}'`;
  if (typeof value === 'function') return 'a function';
  return excerpt(textOf(value), 60);
}

/** A rule from a test; a value that is not even of the type is a matter of type. */
export function rule(expected: string, isType: (value: unknown) => boolean, fits = isType): Rule {
  return { expected, check: (value) => (!isType(value) ? 'type' : fits(value) ? 'right' : 'range') };
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

/** What is checked elsewhere, with words of its own. */
export const anything: Rule = rule('anything', () => true);

/** One of these values. */
export function oneOf(...values: readonly (string | number | boolean)[]): Rule {
  return rule(
    `one of ${values.map((value) => shown(value)).join(', ')}`,
    () => true,
    (value) => values.includes(value as string),
  );
}

/** An array of these names. */
export function listOf(...names: readonly string[]): Rule {
  return rule(
    `a list of ${names.map((name) => shown(name)).join(', ')}`,
    Array.isArray,
    (value) => Array.isArray(value) && value.every((each) => names.includes(each as string)),
  );
}

/** An object of options. */
export function object<O extends object>(rules: Rules<O>): Rule {
  return { expected: 'an object of options', check: () => 'right', within: rules };
}
