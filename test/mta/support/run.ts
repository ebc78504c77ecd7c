import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { buffer } from 'node:stream/consumers';

/**
 * Runs a program to its end and gives what it wrote to its standard output.
 *
 * Rejects with its standard error when it ends with another status than 0.
 */
export async function run(
  file: string,
  args: readonly string[],
  input: string | Uint8Array = '',
  env: NodeJS.ProcessEnv = process.env,
): Promise<Buffer> {
  const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'pipe'], env });
  const ended = once(child, 'close') as Promise<[number | null]>;
  child.stdin.on('error', () => undefined); // a program that ends without reading is judged by its status
  child.stdin.end(input);
  const [stdout, stderr, [status]] = await Promise.all([buffer(child.stdout), buffer(child.stderr), ended]);
  if (status !== 0)
    throw new Error(`${file} ${args.join(' ')}: status ${String(status)}\n${stderr.toString()}`);
  return stdout;
}
