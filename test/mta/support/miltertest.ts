import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

import { MiltertestLog } from './miltertest-log.js';
import { MILTERTEST } from './missing-for-miltertest.js';

const PRELUDE = fileURLToPath(new URL('../miltertest/prelude.lua', import.meta.url));
/** Longer than miltertest waits for any reply. */
const PATIENCE = 30_000;

/**
 * Has miltertest play an MTA by a Lua script, which finds what `test/mta/miltertest/prelude.lua` defines, against the
 * filter on that socket.
 *
 * Rejects with all that miltertest has printed when the script fails.
 */
export async function miltertest(socket: string, script: string): Promise<MiltertestLog> {
  const child = spawn(MILTERTEST, ['-vv', '-D', `sock=${socket}`], { timeout: PATIENCE });
  const ended = once(child, 'close') as Promise<[number | null]>;
  child.stdin.on('error', () => undefined); // it is judged by its status
  // all in one line, so that the lines of the script keep their numbers
  child.stdin.end(`dofile('${PRELUDE}') run(function() ${script}\nend)\n`);
  const [output, complaints, [status]] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  if (status !== 0 || complaints !== '') {
    throw new Error(`miltertest: status ${String(status)}\n${output}${complaints}\nThe script:\n${script}`);
  }
  return new MiltertestLog(output);
}
