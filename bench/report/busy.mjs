import { NO_DATA } from '../lib/names.mjs';
import { median } from '../lib/stats.mjs';
import { withoutDataOf } from '../lib/takers.mjs';
import { WORKS } from '../mail/works.mjs';
import { groups, MEBIBYTE, ratio, short } from './figures.mjs';
import { table } from './table.mjs';

/** @typedef {import('./figures.mjs').Sample} Sample */

const FEW = 4;
const LARGE = 8 * MEBIBYTE;
const STALL = 40; // milliseconds: what a delayed acknowledgement costs where a small second write waits for it

/** @param {readonly number[]} costs */
function spread(costs) {
  const part = (Math.max(...costs) - Math.min(...costs)) / median(costs);
  return Number.isFinite(part) ? `${(100 * part).toFixed(0)} %` : '-';
}

/** Those without the answer to DATA have a line of their own. */
const isShown = (/** @type {string} */ target) => !target.endsWith('-nodata');

const hasLargeBody = (/** @type {string} */ work) => WORKS[work].mail.body.length >= LARGE;

/** @param {readonly Sample[]} samples of one work @param {readonly Sample[]} all */
function busyRows(samples, all) {
  const rows = [];
  for (const cell of groups(samples, ({ cell }) => `${cell.transport} ${cell.connections}`).values()) {
    for (const [target, own] of groups(cell, (sample) => sample.target)) {
      if (!isShown(target)) continue;
      const value = (/** @type {string} */ key) => median(own.map(({ result }) => result[key]));
      const costs = own.map(({ result }) => result.cpu);
      const { transport, connections, work } = own[0].cell;
      const { basis, floor } = WORKS[work];
      const same = (/** @type {Sample} */ other) =>
        other.cell.transport === transport &&
        other.cell.connections === connections &&
        other.target === target;
      const throughput = hasLargeBody(work)
        ? [short((value('rate') * WORKS[work].mail.body.length) / MEBIBYTE)]
        : [];
      rows.push([
        transport,
        String(connections),
        target,
        String(value('trips')),
        short(value('rate')),
        ...throughput,
        short(value('cpu')),
        short(value('user')),
        spread(costs),
        ratio(
          own,
          cell.filter(({ target: name }) => name === floor),
        ),
        ...(basis === undefined
          ? []
          : [
              ratio(
                own,
                all.filter((other) => other.cell.work === basis && same(other)),
              ),
            ]),
        ...['p50', 'p99', 'max'].map((key) => value(key).toFixed(2)),
        short(value('peakRss') / MEBIBYTE),
      ]);
    }
  }
  return rows;
}

/** @param {string} work @param {readonly Sample[]} samples of it @param {readonly Sample[]} all */
export function workSection(work, samples, all) {
  const { basis, floor, title } = WORKS[work];
  const head = [
    'via',
    'conns',
    'target',
    'trips',
    'msg/s',
    ...(hasLargeBody(work) ? ['MiB/s'] : []),
    'CPU us/msg',
    'user us',
    'spread',
    `x ${floor}`,
    ...(basis === undefined ? [] : [`x (${basis})`]),
    'p50 ms',
    'p99 ms',
    'max ms',
    'peak MB',
  ];
  const lines = [`(${work}) ${title}`, '', table(head, busyRows(samples, all), { left: ['via', 'target'] })];
  return [...lines, ...withoutData(samples), ...answered(samples), ...stalls(work, samples)].join('\n');
}

/** What it costs that the library answers DATA over TCP. @param {readonly Sample[]} samples of one work */
function withoutData(samples) {
  const without = samples.filter(({ target }) => target === NO_DATA);
  return [...groups(without, ({ cell }) => String(cell.connections))].flatMap(([connections, own]) => {
    const [{ cell }] = own;
    const of = (/** @type {string} */ name) =>
      samples.filter(
        (one) =>
          one.target === name &&
          one.cell.connections === cell.connections &&
          one.cell.transport === cell.transport,
      );
    const withIt = of('rxmilter');
    const costs = withIt.map(
      ({ round, result }) => result.cpu - (own.find((one) => one.round === round)?.result.cpu ?? NaN),
    );
    const floor = ratio(own, of(withoutDataOf(WORKS[cell.work].floor)));
    return [
      '',
      `what the answer to DATA costs at ${connections} connection(s): ${short(median(costs))} us a message; x floor without it ${floor}`,
    ];
  });
}

/** What filters of which nothing is known have answered. @param {readonly Sample[]} samples of one work */
function answered(samples) {
  const foreign = samples.filter(({ result }) => result.answers !== undefined);
  return [...groups(foreign, ({ target }) => target)].map(([target, [{ result }]]) => {
    const answers = Object.entries(result.answers).map(
      ([answer, count]) => `${short(Number(count))} ${answer}`,
    );
    return `\n${target} answered a message with ${answers.join(', ')}`;
  });
}

/** @param {string} work @param {readonly Sample[]} samples of it */
function stalls(work, samples) {
  const overTcp = samples.filter(({ cell, target }) => cell.transport === 'inet' && isShown(target));
  const fewest = Math.min(...overTcp.map(({ cell }) => cell.connections));
  // Ten MiB, and the queue of many connections, take their time without any stall.
  if (hasLargeBody(work) || !(fewest <= FEW)) return [];
  const single = overTcp.filter(({ cell }) => cell.connections === fewest);
  const each = [...groups(single, (sample) => sample.target)].map(([target, own]) => {
    const p99 = median(own.map(({ result }) => result.p99));
    return `${target} ${p99.toFixed(2)} ms${p99 < STALL ? '' : ' (40 ms or more)'}`;
  });
  return ['', `no ${STALL} ms stall over TCP, p99 at ${fewest} connection(s): ${each.join(', ')}`];
}
