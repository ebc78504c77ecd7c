/**
 * The load of one measurement, a process of its own: `node load.mjs '{"mode":"busy", ...}'`.
 * Prints the result as one line of JSON, or fails with the first deviation of the filter.
 */
import { busy } from './load/busy.mjs';
import { idle } from './load/idle.mjs';
import { memory } from './load/memory.mjs';
import { messages } from './load/messages.mjs';
import { negotiation } from './load/negotiation.mjs';

const LIMIT = 60_000; // a filter that owes a reply would keep the load waiting for ever

const modes = { busy, idle, memory, messages, negotiation };
const { mode, limit = LIMIT, ...request } = JSON.parse(process.argv[2] ?? '{}');

/** @param {unknown} error */
function fail(error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}

setTimeout(() => fail(new Error(`the filter owes an answer after ${limit / 1000} s`)), limit).unref();

try {
  const result = await modes[/** @type {keyof typeof modes} */ (mode)]({ ...request, tally: {}, fail });
  process.stdout.write(`${JSON.stringify(result)}\n`);
} catch (error) {
  fail(error);
}
