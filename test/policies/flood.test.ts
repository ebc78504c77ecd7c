import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { compiled } from '../message/support/compiled.js';

const MODULES = fileURLToPath(new URL('../../node_modules', import.meta.url));
/** Keys that are kept. */
const KEPT = 2_000;
/** Keys that come: if they were kept, that would be some ten megabytes. */
const KEYS = 200_000;
const MEGABYTE = 1_048_576;

/** What is flooded: a function of a key that is like no other. */
const TARGETS: Readonly<Record<string, string>> = {
  'a rate limit': `
    const counters = memoryCounters({ maxKeys: ${KEPT} });
    const source = new Subject();
    const key = ({ address }) => address;
    source.pipe(rateLimit({ key, limit: 5, window: 3_600_000, counters })).subscribe();
    return { flood: (address) => source.next({ stage: 'mail', address }), size: () => counters.size };`,
  'a greylist': `
    const store = memoryKeys({ maxKeys: ${KEPT} });
    const source = new Subject();
    const session = { macros: new Map(), client: { family: 'inet', address: '192.0.2.1' } };
    source.pipe(greylist({ store })).subscribe();
    const mail = { mailbox: 'a@b.test' };
    return { flood: (address) => source.next({ stage: 'rcpt', mailbox: address, mail, session }), size: () => store.size };`,
  'a greylist that all pass': `
    const store = memoryKeys({ maxKeys: ${KEPT} });
    const times = { delay: 0, window: 1_000_000, lifetime: 1_000_000 };
    return { flood: (address) => store.attempt(address, times), size: () => store.size };`,
  'a reputation': `
    const scores = memoryScores({ maxKeys: ${KEPT} });
    const { penalise } = reputation({ threshold: 5, halfLife: 3_600_000, scores, key: ({ client }) => client.address });
    const recipients = [{ result: 'refused' }];
    return { flood: (address) => penalise({ client: { address }, recipients }), size: () => scores.size };`,
  'a search for bursts': `
    const source = new Subject();
    source.pipe(bursts({ key: (address) => address, threshold: 3, window: 3_600_000, maxKeys: ${KEPT} })).subscribe();
    return { flood: (address) => source.next(address), size: () => ${KEPT} };`,
  'shared look-ups': `
    const ask = sharedLookUp((address) => of(address.length), { ttl: 3_600_000, maxKeys: ${KEPT} });
    return { flood: (address) => ask(address).subscribe(), size: () => ask.size };`,
  'shared look-ups that are given up': `
    const ask = sharedLookUp(() => NEVER, { maxKeys: ${KEPT} });
    return { flood: (address) => ask(address).subscribe().unsubscribe(), size: () => ${KEPT} };`,
};

/** As a process of its own, so that nothing else is in its memory. */
function program(directory: string, target: string): string {
  const at = (file: string): string => JSON.stringify(compiled(file, directory));
  return `
    import { NEVER, Subject, of } from 'rxjs';
    import { bursts, greylist, memoryCounters, memoryKeys, memoryScores, rateLimit, reputation } from ${at('policies/index.ts')};
    import { sharedLookUp } from ${at('lookups/shared-look-up.ts')};
    const { flood, size } = (() => { ${target} })();
    const measured = () => { gc(); gc(); return process.memoryUsage().heapUsed; };
    const push = (from, to) => { for (let at = from; at < to; at++) flood('sender-of-flood-' + at + '@flood.example.com'); };
    push(0, ${2 * KEPT});
    const before = measured();
    push(${2 * KEPT}, ${KEYS});
    console.log(JSON.stringify({ grown: measured() - before, size: size() }));
  `;
}

describe('A flood of distinct keys', () => {
  let directory = '';

  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'rxmilter-flood-'));
    symlinkSync(MODULES, join(directory, 'node_modules'));
  });

  afterAll(() => {
    rmSync(directory, { recursive: true });
  });

  it.each(Object.entries(TARGETS))(
    'leaves in %s what it may keep and no more',
    { timeout: 60_000 },
    (_name, target) => {
      const options = { cwd: directory, encoding: 'utf8' } as const;
      const args = ['--input-type=module', '--expose-gc', '-e', program(directory, target)];
      const { stdout, stderr } = spawnSync(process.execPath, args, options);
      expect(stderr).toBe('');
      const { grown, size } = JSON.parse(stdout) as { grown: number; size: number };
      expect(size).toBe(KEPT);
      expect(grown).toBeLessThan(4 * MEGABYTE);
    },
  );
});
