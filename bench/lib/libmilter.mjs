import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const source = fileURLToPath(new URL('../targets/libmilter.c', import.meta.url));
const directory = fileURLToPath(new URL('../.build', import.meta.url));

export const libmilterBinary = () => `${directory}/libmilter`;

/** Compiles the C filter where that can be done. @returns {string | undefined} why it cannot */
export function buildLibmilter() {
  const binary = libmilterBinary();
  if (existsSync(binary) && statSync(binary).mtimeMs > statSync(source).mtimeMs) return undefined;
  mkdirSync(directory, { recursive: true });
  const args = [
    '-O2',
    '-std=gnu11',
    '-Wall',
    '-Wextra',
    source,
    '-o',
    binary,
    '-lmilter',
    '-lpthread',
    '-lcrypto',
  ];
  try {
    execFileSync('cc', args, { stdio: ['ignore', 'ignore', 'pipe'], encoding: 'utf8' });
    return undefined;
  } catch (error) {
    const { code, stderr } = /** @type {{ code?: string, stderr?: string }} */ (error);
    if (code === 'ENOENT') return 'there is no C compiler';
    return stderr?.split('\n').find((line) => line.includes('error')) ?? String(error);
  }
}
