import { parseArgs } from 'node:util';

import { MEMORY_WORKS } from '../mail/memory-works.mjs';
import { WORKS } from '../mail/works.mjs';

/** With all garbage collected again and again, so that what it really needs is seen; for large messages only. */
export const COLLECTING = 'rxmilter-gc';
export const TARGETS = ['rxmilter', COLLECTING, 'floor', 'floor-sha256', 'floor-file', 'libmilter'];
/** Another build of rxmilter. */
export const AGAINST = 'against';

/**
 * @typedef {object} Options
 * @property {string[]} works
 * @property {string[]} targets
 * @property {('unix' | 'inet')[]} transports
 * @property {number[] | undefined} connections undefined: what the work itself names
 * @property {number[]} idle connection counts to hold open, none: []
 * @property {string[]} memory works to do with large messages, none: []
 * @property {number[]} large connections that each send one
 * @property {number} megabytes their size
 * @property {number} rounds
 * @property {number} warmup milliseconds
 * @property {number} measure milliseconds
 * @property {number} settle milliseconds
 * @property {string | undefined} json file for all numbers
 * @property {string | undefined} against another build of the library, to be measured in the same rounds
 * @property {string | undefined} profile directory for CPU profiles of the Node targets
 */

const FULL = {
  connections: undefined,
  transports: 'unix,inet',
  idle: '1000,10000',
  large: '1,4',
  megabytes: 200,
  rounds: 3,
  warmup: 500,
  measure: 1200,
  settle: 1000,
};
const QUICK = {
  connections: '4',
  transports: 'unix,inet',
  idle: '200',
  large: '2',
  megabytes: 20,
  rounds: 1,
  warmup: 100,
  measure: 200,
  settle: 200,
};

/** @param {string} name @param {string} text @param {readonly string[]} known @returns {string[]} */
function choice(name, text, known) {
  const chosen = text.split(',').filter(Boolean);
  const wrong = chosen.find((one) => !known.includes(one));
  if (wrong !== undefined) throw new Error(`--${name}: there is no ${wrong}, only ${known.join(', ')}`);
  return chosen;
}

/** @param {string} name @param {string} text @returns {number[]} */
function numbers(name, text) {
  const values = text.split(',').filter(Boolean).map(Number);
  if (values.some((value) => !Number.isInteger(value) || value < 1))
    throw new Error(`--${name}: not a number in ${text}`);
  return values;
}

/** @param {string[]} args @returns {Options} */
export function readOptions(args) {
  const text = /** @type {const} */ ({ type: 'string' });
  const { values } = parseArgs({
    args,
    options: {
      quick: { type: 'boolean' },
      works: text,
      targets: text,
      transports: text,
      connections: text,
      idle: text,
      memory: text,
      large: text,
      megabytes: text,
      rounds: text,
      measure: text,
      warmup: text,
      json: text,
      profile: text,
      against: text,
    },
  });
  const base = values.quick ? QUICK : FULL;
  const one = (/** @type {'rounds' | 'measure' | 'warmup' | 'megabytes'} */ name) =>
    numbers(name, values[name] ?? String(base[name]))[0];
  const connections = values.connections ?? base.connections;
  // Whoever selects something wants that; the rest then only comes when asked for.
  const selected = ['works', 'connections', 'idle', 'memory'].some((name) => name in values);
  const kept = (/** @type {string} */ all) => (selected ? '' : all);
  const all = Object.keys(WORKS).join();
  return {
    works: choice('works', values.works ?? (values.connections ? all : kept(all)), Object.keys(WORKS)),
    targets: [
      ...choice('targets', values.targets ?? TARGETS.join(), TARGETS),
      ...(values.against === undefined ? [] : [AGAINST]),
    ],
    transports: /** @type {('unix' | 'inet')[]} */ (
      choice('transports', values.transports ?? base.transports, ['unix', 'inet'])
    ),
    connections: connections === undefined ? undefined : numbers('connections', connections),
    idle: numbers('idle', values.idle ?? kept(base.idle)),
    memory: choice(
      'memory',
      values.memory ?? kept(Object.keys(MEMORY_WORKS).join()),
      Object.keys(MEMORY_WORKS),
    ),
    large: numbers('large', values.large ?? base.large),
    megabytes: one('megabytes'),
    rounds: one('rounds'),
    warmup: one('warmup'),
    measure: one('measure'),
    settle: base.settle,
    json: values.json,
    profile: values.profile,
    against: values.against,
  };
}
