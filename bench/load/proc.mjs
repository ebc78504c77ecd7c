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
 * @property {number} ticks microseconds of all threads and of children, the ended ones too, but only to the clock tick
 * @property {number} userTicks those of them that were not spent in the kernel
 */

/** The fields of /proc/PID/stat behind the name of the program; `undefined` where the process is gone. @param {number | string} pid */
function statOf(pid) {
  const stat = read(`/proc/${pid}/stat`);
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
}

/** @param {string} file */
function read(file) {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return undefined; // what it is about has ended meanwhile
  }
}

/** The process, and all that descend from it: a server may answer in children. @param {number} pid */
export function familyOf(pid) {
  const parents = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => ({ pid: Number(name), parent: Number(statOf(name)?.[1]) }));
  const family = [pid];
  for (const parent of family)
    family.push(...parents.filter((one) => one.parent === parent).map((one) => one.pid));
  return family;
}

/** @param {readonly number[]} pids the first has to be there @returns {CpuReading} */
export function readCpu(pids) {
  const sum = { threads: '', exact: 0, ticks: 0, userTicks: 0 };
  for (const pid of pids) {
    const stat = statOf(pid);
    if (stat === undefined && pid === pids[0]) throw new Error(`process ${pid} is gone`);
    if (stat === undefined) continue;
    // Of itself, and of children that have ended and were waited for.
    const [user, system, endedUser, endedSystem] = stat
      .slice(11, 15)
      .map((ticks) => Number(ticks) * MICROSECONDS_PER_TICK);
    sum.ticks += user + system + endedUser + endedSystem;
    sum.userTicks += user + endedUser;
    for (const thread of threadsOf(pid)) {
      sum.threads += `${thread} `;
      sum.exact += Number(read(`/proc/${pid}/task/${thread}/schedstat`)?.split(' ', 1)[0] ?? 0) / 1000;
    }
  }
  return sum;
}

/** @param {number} pid */
function threadsOf(pid) {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
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

/** What all of them have; pages that they share count for each. @param {readonly number[]} pids @param {'VmRSS' | 'VmHWM'} key @returns {number} bytes */
export function readMemory(pids, key) {
  return pids.reduce((sum, pid) => {
    const match = new RegExp(`^${key}:\\s*(\\d+) kB`, 'm').exec(read(`/proc/${pid}/status`) ?? '');
    if (!match && pid === pids[0]) throw new Error(`no ${key} of process ${pid}`);
    return sum + 1024 * Number(match?.[1] ?? 0);
  }, 0);
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
  let before = readMemory([pid], 'VmRSS');
  for (let step = 0; step < STEPS_AT_MOST; step++) {
    await sleep(STEP);
    const now = readMemory([pid], 'VmRSS');
    if (Math.abs(now - before) <= before * STEADY) return now;
    before = now;
  }
  return before;
}
