import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const RUN = fileURLToPath(new URL('../../../bench/run.mjs', import.meta.url));
/** As short as it can be: nothing is read from the figures. */
const SHORT = '--rounds 1 --warmup 1 --measure 20'.split(' ');

export interface BenchRun {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** @param library the build that is measured, where it is not that of `npm run build` */
export async function runBench(args: readonly string[], library?: string): Promise<BenchRun> {
  const env = library === undefined ? process.env : { ...process.env, RXMILTER_DIST: library };
  const child = spawn(process.execPath, [RUN, ...SHORT, ...args], { env });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const [status] = (await once(child, 'close')) as [number];
  return { status, stdout, stderr };
}
