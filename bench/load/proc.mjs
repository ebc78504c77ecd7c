import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** What Linux knows about another process: CPU time and memory, read from /proc. */

const MICROSECONDS_PER_TICK = 10_000;
const RESET_PEAK = '5'; // see proc(5), clear_refs
const STEP = 250;
const STEPS_AT_MOST = 24;
const STEADY = 0.002;

/**
 * @typedef {object} CpuReading
 * @property {string} threads which threads `exact` covers
 * @property {number} exact microseconds of the living threads, to the nanosecond
 * @property {number} ticks microseconds of all threads, the ended ones too, but only to the clock tick
 * @property {number} userTicks those of them that were not spent in the kernel
 */

/** @param {number} pid @returns {CpuReading} */
export function readCpu(pid) {
  const threads = readdirSync(`/proc/${pid}/task`);
  let nanoseconds = 0;
  for (const thread of threads) nanoseconds += threadTime(`/proc/${pid}/task/${thread}/schedstat`);
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [user, system] = [fields[11], fields[12]].map((ticks) => Number(ticks) * MICROSECONDS_PER_TICK);
  return { threads: threads.join(), exact: nanoseconds / 1000, ticks: user + system, userTicks: user };
}

/** @param {string} file */
function threadTime(file) {
  try {
    return Number(readFileSync(file, 'latin1').split(' ', 1)[0]);
  } catch {
    return 0; // the thread ended between the listing and the reading
  }
}

/** Microseconds between two readings: exact as long as no thread came or went. @param {CpuReading} from @param {CpuReading} to */
export function cpuBetween(from, to) {
  return from.threads === to.threads ? to.exact - from.exact : to.ticks - from.ticks;
}

/** The part of that which was not spent in the kernel, between 0 and 1. @param {CpuReading} from @param {CpuReading} to */
export function userShare(from, to) {
  return to.ticks > from.ticks ? (to.userTicks - from.userTicks) / (to.ticks - from.ticks) : NaN;
}

/** @param {number} pid @param {'VmRSS' | 'VmHWM'} key @returns {number} bytes */
export function readMemory(pid, key) {
  const match = new RegExp(`^${key}:\\s*(\\d+) kB`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'latin1'));
  if (!match) throw new Error(`no ${key} of process ${pid}`);
  return Number(match[1]) * 1024;
}

/** Lets VmHWM begin anew at what is resident now; whether that could be done. @param {number} pid */
export function resetPeak(pid) {
  try {
    writeFileSync(`/proc/${pid}/clear_refs`, RESET_PEAK);
    return true;
  } catch {
    return false; // not every kernel has it, nor every container
  }
}

/** Memory once it has stopped to move. @param {number} pid @param {number} settle milliseconds to wait at least */
export async function settledRss(pid, settle) {
  await sleep(settle);
  let before = readMemory(pid, 'VmRSS');
  for (let step = 0; step < STEPS_AT_MOST; step++) {
    await sleep(STEP);
    const now = readMemory(pid, 'VmRSS');
    if (Math.abs(now - before) <= before * STEADY) return now;
    before = now;
  }
  return before;
}
