import { createSocket } from 'node:dgram';
import { Resolver } from 'node:dns/promises';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { Filter } from 'rxmilter';
import { parseEml } from 'rxmilter/mta';
import { contract, simulate } from 'rxmilter/testing';
import { describe, expect, it, vi } from 'vitest';

import { systemResolver } from '../../examples/authentication-results-dns.mjs';
import { filterWith } from '../../examples/authentication-results.mjs';
import { authenticate, AUTHSERV_ID } from './support/authenticate.js';
import { dnsTable, type DnsName } from './support/dns-table.js';

/** Signed and sealed by dkimpy 1.1.4, with a key that nobody has any more. */
const fixture = (name: string): Buffer => readFileSync(new URL(`fixtures/${name}`, import.meta.url));
const REJECT = { '_dmarc.author.example': { TXT: ['v=DMARC1; p=reject'] } } as const;

describe('a DNS that does not answer the example that authenticates mail', () => {
  it.each<[string, Record<string, DnsName>]>([
    ['the policy', { '_dmarc.author.example': 'ETIMEOUT' }],
    ['the policy, but of a broken server', { '_dmarc.author.example': 'ESERVFAIL' }],
    ['SPF, without which it fails', { ...REJECT, 'author.example': 'ETIMEOUT' }],
    ['SPF, by a server that refuses', { ...REJECT, 'author.example': 'EREFUSED' }],
  ])('has mail put off where it is asked about %s', async (_what, dns) => {
    const { outcome, text } = await authenticate({}, dns);
    expect([outcome, text]).toEqual(['deferred', '451 4.4.3 DNS does not answer about author.example']);
    const reported = await authenticate({}, dns, { enforce: false });
    expect(reported.outcome).toBe('delivered');
    expect(reported.results.map(({ result }) => result)).toContain('temperror');
  });

  it('has mail put off that the seal of a list may speak for', async () => {
    const list = { sender: 'list-bounces@list.example', ...parseEml(fixture('sealed-by-list.eml')) };
    const key = { TXT: [fixture('key-record.txt').toString().trim()] };
    const dns = { ...REJECT, 'a._domainkey.author.example': key };
    const sealers = ['list.example'];
    const missing = 's._domainkey.list.example';
    expect((await authenticate(list, { ...dns, [missing]: 'ETIMEOUT' }, { sealers })).outcome).toBe(
      'deferred',
    );
    expect((await authenticate(list, { ...dns, [missing]: key }, { sealers })).outcome).toBe('delivered');
    expect((await authenticate(list, dns, { sealers })).outcome).toBe('refused');
  });

  it('does no harm where the result is the same without the answer', async () => {
    const passes = { ...REJECT, 'author.example': { TXT: ['v=spf1 ip4:192.0.2.1 -all'] } } as const;
    const unsure = { 'author.example': 'ETIMEOUT' } as const;
    expect((await authenticate({}, passes)).outcome).toBe('delivered');
    expect((await authenticate({}, unsure)).outcome).toBe('delivered');
    const quarantine = { '_dmarc.author.example': { TXT: ['v=DMARC1; p=quarantine'] } };
    expect((await authenticate({}, { ...unsure, ...quarantine })).outcome).toBe('delivered');
  });

  it('is waited for so long and no longer', async () => {
    const dns = { 'author.example': 'silence' } as const;
    expect((await authenticate({}, { ...REJECT, ...dns }, { patience: 1 })).outcome).toBe('deferred');
    const { outcome, of } = await authenticate({}, dns, { patience: 1, enforce: false });
    expect([outcome, of('spf'), of('dmarc')]).toEqual(['delivered', ['temperror'], ['temperror']]);
  });
});

describe('a question to DNS in the example that authenticates mail', () => {
  /** A filter whose DNS is silent about the sender, and what it is asked. */
  function silent(): { filter: Filter; asked: Promise<AbortSignal>; names: string[] } {
    const names: string[] = [];
    const dns = dnsTable({ 'example.org': 'silence' });
    let filter: Filter | undefined;
    const asked = new Promise<AbortSignal>((resolve) => {
      filter = filterWith({
        authservId: AUTHSERV_ID,
        resolver: (signal) => (name, type) => {
          names.push(name);
          resolve(signal);
          return dns(signal)(name, type);
        },
      });
    });
    if (filter === undefined) throw new Error('a promise begins at once');
    return { filter, asked, names };
  }

  it('is given up when the connection is lost, and no other is asked', async () => {
    const { filter, asked, names } = silent();
    const mta = await simulate(filter, { client: { address: '192.0.2.1' } });
    await mta.mail('sender@example.org');
    await mta.header('From', 'a@example.org');
    const told = mta.eom();
    const signal = await asked;
    expect(signal.aborted).toBe(false);

    mta.hangUp();
    expect((await told).verdict).toBe('lost');
    expect(signal.aborted).toBe(true);
    await new Promise(setImmediate);
    expect(names).toEqual(['example.org']);
    expect(mta.outcomes.filter(({ error }) => error !== undefined)).toEqual([]);
  });

  it('is not asked about a message that is given up before its end', async () => {
    const { filter, names } = silent();
    const mta = await simulate(filter, { client: { address: '192.0.2.1' } });
    await mta.mail('sender@example.org');
    await mta.header('From', 'a@example.org');
    await mta.abort();
    await mta.mail('sender@elsewhere.example');
    await mta.header('From', 'a@elsewhere.example');
    expect((await mta.eom()).verdict).toBe('continue');
    await mta.close();
    expect(names).toEqual(['elsewhere.example', '_dmarc.elsewhere.example']);
  });
});

describe('the resolver of the system in the example that authenticates mail', () => {
  it('gives up what it was asked when the signal is aborted', async () => {
    const server = createSocket('udp4');
    server.bind(0, '127.0.0.1');
    await once(server, 'listening');
    const { resolve } = Resolver.prototype;
    const spy = vi.spyOn(Resolver.prototype, 'resolve').mockImplementation(function (
      this: Resolver,
      ...args
    ) {
      this.setServers([`127.0.0.1:${server.address().port}`]);
      return resolve.apply(this, args);
    });
    try {
      const end = new AbortController();
      const answer = systemResolver(end.signal)('author.example', 'TXT');
      await once(server, 'message');
      end.abort();
      await expect(answer).rejects.toMatchObject({ code: 'ECANCELLED' });
    } finally {
      spy.mockRestore();
      server.close();
    }
  });
});

describe('the example that authenticates mail', () => {
  const filter = filterWith({ authservId: AUTHSERV_ID, resolver: dnsTable({}), enforce: false });
  it.each(contract(filter))('$name', ({ check }) => check());
});
