import { createRequire } from 'node:module';

import { messageOf } from '../common/text-of.js';

const require = createRequire(import.meta.url);

interface Peer {
  /** The first version that does what is wanted of it. */
  readonly since: string;
  readonly load: () => unknown;
  readonly manifest: () => unknown;
}

/**
 * The packages that only a part of this one needs, to be installed by the users of that part. No other file names them
 * (`npm run check:house` sees to it).
 *
 * The manifest of this package allows older versions, too, so that a project which has one for something else can
 * install both.
 */
const PEERS = {
  libmime: {
    since: '5.2.1',
    load: (): unknown => require('libmime'),
    manifest: (): unknown => require('libmime/package.json'),
  },
  // Those before misread addresses that RFC 5322 has as examples, and hostile ones take them seconds.
  nodemailer: {
    since: '10.5.0',
    load: (): unknown => require('nodemailer/lib/addressparser'),
    manifest: (): unknown => require('nodemailer/package.json'),
  },
} satisfies Record<string, Peer>;

/**
 * Loads a package at its first need, and at once, since what needs it is not asynchronous.
 *
 * @param call what needs it, for the message: `headers.text()`
 * @throws Error where it is not installed, too old, or cannot be loaded: each time, so that a missing package is found
 *   at the first try and not with the first mail that is out of the ordinary
 */
export function optionalPeer(name: keyof typeof PEERS, call: string): unknown {
  const { since, manifest, load }: Peer = PEERS[name];
  let version: string;
  try {
    ({ version } = manifest() as { readonly version: string });
    if (since.localeCompare(version, 'en', { numeric: true }) <= 0) return load();
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException | undefined)?.code === 'MODULE_NOT_FOUND';
    const problem = missing ? 'is not installed' : `cannot be loaded (${messageOf(cause)})`;
    throw new Error(`${call} needs the package ${name}, which ${problem}: npm install ${name}`, { cause });
  }
  throw new Error(
    `${call} needs the package ${name} in version ${since} or newer, and ${version} is installed: npm install ${name}@latest`,
  );
}
