import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';

import { PEERS } from '../../scripts/house.mjs';
import { appendText } from '../../src/message/edit/append-text.js';
import { DraftHeaders } from '../../src/message/edit/draft-headers.js';
import { headersOf } from './support/headers-of.js';

/** What loading a package ends with; nothing where it is there. */
const failures = vi.hoisted(() => new Map<string, Error>());
/** Versions that packages are said to have. */
const versions = vi.hoisted(() => new Map<string, string>());

vi.mock(import('node:module'), async (original) => {
  const real = await original();
  const createRequire = (file: string | URL): NodeJS.Require => {
    const require = real.createRequire(file);
    const load = (name: string): unknown => {
      const failure = failures.get(name.replace('/package.json', '').replace(/^(nodemailer)\/.*/, '$1'));
      if (failure !== undefined) throw failure;
      const version = name.endsWith('/package.json') ? versions.get(name.slice(0, -13)) : undefined;
      if (version !== undefined) return { version };
      return require(name) as unknown;
    };
    return Object.assign(load, require);
  };
  return { ...real, createRequire };
});

describe('A header without an optional package', () => {
  const headers = headersOf(['Subject', 'plain'], ['To', 'a@b.example'], ['Date', '1 Jan 2001 00:00 +0000']);

  afterEach(() => {
    failures.clear();
    versions.clear();
  });

  function uninstall(...names: readonly string[]): void {
    for (const name of names) {
      failures.set(
        name,
        Object.assign(new Error(`Cannot find module '${name}'`), { code: 'MODULE_NOT_FOUND' }),
      );
    }
  }

  it('says at every call that libmime is missing, plain ASCII or not, there or not', () => {
    uninstall('libmime');
    const message = 'headers.text() needs the package libmime, which is not installed: npm install libmime';
    for (const name of ['Subject', 'Subject', 'X-None']) expect(() => headers.text(name)).toThrow(message);
    const draft = new DraftHeaders([], false);
    expect(() => draft.setText('Subject', 'plain')).toThrow(
      'draft.headers.setText() needs the package libmime, which is not installed: npm install libmime',
    );
    expect(draft).toHaveLength(0);
    expect(() => headers.addresses('To')).toThrow('headers.addresses() needs the package libmime');
  });

  it('says at every call that nodemailer is missing', () => {
    uninstall('nodemailer');
    const message =
      'headers.addresses() needs the package nodemailer, which is not installed: npm install nodemailer';
    for (const name of ['To', 'To', 'X-None']) expect(() => headers.addresses(name)).toThrow(message);
    expect(headers.text('Subject')).toBe('plain');
  });

  it('says that mailsplit is missing when a text is to be appended', async () => {
    uninstall('@zone-eu/mailsplit');
    await expect(appendText(Buffer.from('\r\n'), [], 'text')).rejects.toThrow(
      'draft.appendText() needs the package @zone-eu/mailsplit, which is not installed: npm install @zone-eu/mailsplit',
    );
  });

  it('says what is wrong with a package that is there and cannot be loaded', () => {
    const cause = new SyntaxError('Unexpected token');
    failures.set('libmime', cause);
    expect(() => headers.text('Subject')).toThrow(
      expect.objectContaining({
        message: expect.stringContaining('libmime, which cannot be loaded (Unexpected token)'),
        cause,
      }),
    );
  });

  it.each([
    ['nodemailer', '10.4.9', '10.5.0', () => headers.addresses('To')],
    ['nodemailer', '9.99.99', '10.5.0', () => headers.addresses('To')],
    ['libmime', '5.1.0', '5.2.1', () => headers.text('Subject')],
  ] as const)('says that a package is too old: %s %s', (name, version, since, read) => {
    versions.set(name, version);
    expect(read).toThrow(
      `needs the package ${name} in version ${since} or newer, and ${version} is installed: npm install ${name}@latest`,
    );
  });

  it.each(['10.5.0', '10.10.0', '11.0.0'])('takes nodemailer %s', (version) => {
    versions.set('nodemailer', version);
    expect(headers.addresses('To')).toMatchObject([{ address: 'a@b.example' }]);
  });

  it('does all else', () => {
    uninstall('libmime', 'nodemailer');
    expect(headers.get('Subject')).toBe('plain');
    expect(headers.date()?.getUTCFullYear()).toBe(2001);
    expect(new DraftHeaders([], false).set('Subject', 'x').value).toBe('x');
  });

  it('has what it lacks among the optional peers of the package, each of which the house knows', () => {
    const root = join(import.meta.dirname, '../..');
    const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
      peerDependencies: Record<string, string>;
      peerDependenciesMeta: Record<string, { optional: boolean }>;
    };
    expect(Object.keys(manifest.peerDependenciesMeta).sort()).toEqual([...PEERS.packages].sort());
    for (const name of PEERS.packages) {
      expect(manifest.peerDependencies[name]).toBeTypeOf('string');
      expect(manifest.peerDependenciesMeta[name]).toEqual({ optional: true });
    }
  });
});
