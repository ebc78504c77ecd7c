import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { boundedKey, ExpiringMap } from '../../src/lookups/expiring-map.js';

describe('ExpiringMap', () => {
  it('knows the last keys that were written, for their time and no longer, and no others', () => {
    const step = fc.record({
      pause: fc.nat(4),
      key: fc.nat(6),
      write: fc.boolean(),
      ttl: fc.oneof(fc.integer({ min: 1, max: 8 }), fc.constant(1_000)),
    });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4 }), fc.array(step, { maxLength: 60 }), (maxKeys, steps) => {
        const map = new ExpiringMap<number>(maxKeys);
        // The same in a list, the oldest first.
        let list: { key: number; until: number; value: number }[] = [];
        let now = 0;
        for (const [value, { pause, key, write, ttl }] of steps.entries()) {
          now += pause;
          if (write) {
            const known = list.some((each) => each.key === key);
            if (!known) {
              // Two that are over make room, and one that is not where that is not enough.
              for (let left = 2; left > 0 && (list[0]?.until ?? Infinity) <= now; left--) list.shift();
              if (list.length >= maxKeys) list.shift();
            }
            list = [...list.filter((each) => each.key !== key), { key, until: now + ttl, value }];
            map.set(key, value, now, ttl);
          } else {
            expect(map.get(key, now)).toBe(list.find((each) => each.key === key && now < each.until)?.value);
            list = list.filter((each) => each.key !== key || now < each.until);
          }
          expect(map.size).toBe(list.length);
        }
      }),
    );
  });

  it('gives back the memory of what is over as others are written', () => {
    const map = new ExpiringMap<number>(1_000);
    for (let key = 0; key < 100; key++) map.set(key, key, 0, 10);
    for (let key = 0; key < 100; key++) map.set(`later ${key}`, key, 20, 10);
    expect(map.size).toBe(100);
  });

  it('keeps what there is when the clock is set back a little', () => {
    const map = new ExpiringMap<string>(10);
    map.set('a', 'a', 1_000, 10);
    expect(map.get('a', 999)).toBe('a');
    expect(map.get('a', 990)).toBe('a');
    expect(map.get('a', 1_010)).toBe(undefined);
  });

  it('takes what lies further in the future than it was to last for over', () => {
    const map = new ExpiringMap<string>(10);
    map.set('a', 'a', 1_000, 10);
    expect(map.get('a', 989)).toBe(undefined);
    expect(map.size).toBe(0);
  });
});

describe('boundedKey', () => {
  it('is the key itself where that is short, and otherwise a short one of its own', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 400 }), fc.string({ maxLength: 400 }), (a, b) => {
        expect(boundedKey(a).length).toBeLessThanOrEqual(200);
        expect(boundedKey(a) === boundedKey(b)).toBe(a === b);
      }),
    );
    expect(boundedKey('192.0.2.0/24')).toBe('192.0.2.0/24');
  });

  it('is never the same for a long key and for one that is written like its hash', () => {
    const long = boundedKey('x'.repeat(1_000));
    expect(long).toMatch(/^sha256:/);
    expect(boundedKey(long)).not.toBe(long);
  });
});
