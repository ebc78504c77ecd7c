import { parseArgs } from 'node:util';

import { GROWTH } from '../mail/growth.mjs';
import { MEMORY_WORKS } from '../mail/memory-works.mjs';
import { WORKS } from '../mail/works.mjs';
import { AGAINST, FILTER, TARGETS } from './names.mjs';
import { readStrangers } from './strangers.mjs';
import { choice, moduleFile, numbers } from './values.mjs';

/** What can grow: of a message, or the number of messages. */
const GROWING = [...Object.keys(GROWTH), 'messages'];

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
 * @property {string[]} growth what is to grow, nothing: []
 * @property {number} messages how many, where that is what grows
 * @property {boolean} quick
 * @property {import('./strangers.mjs').Stranger[]} compare other milters
 * @property {string | undefined} filter a module with a filter of the user's
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
  messages: 1_000_000,
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
  messages: 5_000,
  rounds: 1,
  warmup: 100,
  measure: 200,
  settle: 200,
};

/** @param {string[]} texts @param {readonly string[]} transports */
function strangers(texts, transports) {
  const read = readStrangers(texts, [...TARGETS, AGAINST, FILTER]);
  const left = read.find(({ transport }) => !transports.includes(transport));
  if (left === undefined) return read;
  throw new Error(
    `--compare ${left.name}: it listens on ${left.transport}, and --transports has only ${transports.join()}`,
  );
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
      growth: text,
      messages: text,
      compare: { type: 'string', multiple: true },
      filter: text,
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
  const one = (/** @type {'rounds' | 'measure' | 'warmup' | 'megabytes' | 'messages'} */ name) =>
    numbers(name, values[name] ?? String(base[name]))[0];
  const connections = values.connections ?? base.connections;
  // Whoever selects something wants that; the rest then only comes when asked for.
  const selected = ['works', 'connections', 'idle', 'memory', 'growth'].some((name) => name in values);
  const kept = (/** @type {string} */ all) => (selected ? '' : all);
  const all = Object.keys(WORKS).join();
  const transports = /** @type {('unix' | 'inet')[]} */ (
    choice('transports', values.transports ?? base.transports, ['unix', 'inet'])
  );
  const growth = choice('growth', values.growth ?? (values.quick ? kept(GROWING.join()) : ''), GROWING);
  const everyWork = values.connections && growth.length === 0 ? all : kept(all);
  return {
    works: choice('works', values.works ?? everyWork, Object.keys(WORKS)),
    targets: [
      ...choice('targets', values.targets ?? TARGETS.join(), TARGETS),
      ...(values.against === undefined ? [] : [AGAINST]),
      ...(values.filter === undefined ? [] : [FILTER]),
    ],
    transports,
    connections: connections === undefined ? undefined : numbers('connections', connections),
    idle: numbers('idle', values.idle ?? kept(base.idle)),
    memory: choice(
      'memory',
      values.memory ?? kept(Object.keys(MEMORY_WORKS).join()),
      Object.keys(MEMORY_WORKS),
    ),
    large: numbers('large', values.large ?? base.large),
    megabytes: one('megabytes'),
    growth,
    messages: one('messages'),
    quick: values.quick === true,
    compare: strangers(values.compare ?? [], transports),
    filter: moduleFile(values.filter),
    rounds: one('rounds'),
    warmup: one('warmup'),
    measure: one('measure'),
    settle: base.settle,
    json: values.json,
    profile: values.profile,
    against: values.against,
  };
}
