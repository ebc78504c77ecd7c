import { createRequire } from 'node:module';

import { messageOf } from './text-of.js';

const require = createRequire(import.meta.url);

/**
 * The packages that only a part of this one needs, and the first version that does what is wanted of each. The manifest
 * of this package allows older ones, too, so that a project which has one for something else can install both.
 */
const PEERS = {
  // The first that ends a multipart without an end where one further out goes on.
  '@zone-eu/mailsplit': {
    since: '5.4.30',
    load: (): unknown => (require('@zone-eu/mailsplit') as { readonly Splitter: unknown }).Splitter,
    manifest: (): unknown => require('@zone-eu/mailsplit/package.json'),
  },
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
  'prom-client': {
    since: '15.0.0',
    load: (): unknown => require('prom-client'),
    manifest: (): unknown => require('prom-client/package.json'),
  },
};

/**
 * Loads a package at its first need, at once.
 *
 * @param call what needs it, for the message: `headers.text()`
 * @throws Error, each time, where it is not installed, too old, or cannot be loaded
 */
export function optionalPeer(name: keyof typeof PEERS, call: string): unknown {
  const { since, manifest, load } = PEERS[name];
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
