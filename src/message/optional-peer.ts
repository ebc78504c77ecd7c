import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

/**
 * The packages that a part of this one works with, and that whoever uses that part installs. No other file names them
 * (`npm run check:house` sees to it).
 */
const PEERS = {
  libmime: (): unknown => require('libmime'),
  nodemailer: (): unknown => require('nodemailer/lib/addressparser'),
};

/**
 * Loads a package at its first need, and at once, since what needs it is not asynchronous.
 *
 * @param call what needs it, for the message: `headers.text()`
 * @throws Error where it is not installed, or cannot be loaded: each time, so that a missing package is found at the
 *   first try and not with the first mail that is out of the ordinary
 */
export function optionalPeer(name: keyof typeof PEERS, call: string): unknown {
  try {
    return PEERS[name]();
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException | undefined)?.code === 'MODULE_NOT_FOUND';
    const problem = missing ? 'is not installed' : `cannot be loaded (${String(cause)})`;
    throw new Error(`${call} needs the package ${name}, which ${problem}: npm install ${name}`, { cause });
  }
}
