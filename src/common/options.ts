import { didYouMean } from './did-you-mean.js';
import { excerpt } from './printable.js';
import { required, shown, type Rule, type Rules } from './rules.js';

export * from './rules.js';

type Table = Readonly<Record<string, Rule>>;

/**
 * Throws where an option is misspelt, of the wrong type, out of its range or missing: what is not understood must not
 * count as the default. An option that is `undefined` is not given; `null` is a value, and none that any option has.
 *
 * Every enumerable name of the object's own has to be known. Options that are inherited, such as the getters of a class,
 * are read as well; other names that are inherited are nothing to do with it.
 *
 * @param where the function, as its user calls it: `serve()`
 * @param noun what the names are called: `option`, or `field` of a thing that is described by an object
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

/** Those of the options that a function has; others may be for another function that is called beside it. */
export function pickOptions<O extends object>(given: O, rules: Rules<O>): O {
  const names = Object.keys(rules) as (keyof O)[];
  return Object.fromEntries(names.map((name) => [name, given[name]])) as O;
}

/** The defaults with what is given in their place; what is `undefined` is not given. */
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

/**
 * Throws where a name is nearly one of those that are known: for objects that may have more than the names that count.
 *
 * @throws TypeError that says which one was probably meant
 */
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
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw new TypeError(
      path === ''
        ? `${where}: the ${noun}s are ${shown(given)}; they have to be an object.`
        : `${where}: ${path.slice(0, -1)} is ${shown(given)}; it has to be an object.`,
    );
  }
  for (const name of Object.keys(given)) {
    if (!Object.hasOwn(rules, name)) throw unknownName(call, path, name, rules);
  }
  for (const [name, rule] of Object.entries(rules)) {
    checkValue(call, path + name, (given as Readonly<Record<string, unknown>>)[name], rule);
  }
}

function checkValue(call: Call, name: string, value: unknown, rule: Rule): void {
  const { where, noun } = call;
  if (value === undefined) {
    if (rule.required === undefined) return;
    throw new TypeError(`${where}: the ${noun} ${name} is missing. ${rule.required}`);
  }
  const verdict = rule.check(value);
  if (verdict !== 'right') {
    const hint = rule.hint?.(value);
    const words = `${where}: ${name} is ${shown(value)}; it has to be ${rule.expected}.${hint === undefined ? '' : ` ${hint}`}`;
    throw verdict === 'type' ? new TypeError(words) : new RangeError(words);
  }
  if (rule.within !== undefined && typeof value === 'object' && !Array.isArray(value))
    check(call, `${name}.`, value, rule.within);
  if (rule.each !== undefined && Array.isArray(value)) {
    const each = rule.each;
    value.forEach((one: unknown, at) => {
      checkValue(call, `${name}[${at}]`, one, each);
    });
  }
}

function unknownName({ where, noun }: Call, path: string, name: string, rules: Table): TypeError {
  return new TypeError(
    `${where}: there is no ${noun} ${excerpt(path + name, 60)}. ${adviceFor(path, name, rules)}`,
  );
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
  return names.length === 0 ? 'There are none.' : `There are ${[...names].sort().join(', ')}.`;
}
