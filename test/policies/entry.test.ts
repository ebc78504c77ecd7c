import * as policies from 'rxmilter/policies';
import { describe, expect, it } from 'vitest';

describe('rxmilter/policies', () => {
  it('has what the guide speaks of, and nothing by accident', () => {
    expect(Object.keys(policies).sort()).toEqual([
      'StoreError',
      'bursts',
      'clientNetwork',
      'greylist',
      'memoryCounters',
      'memoryKeys',
      'memoryScores',
      'rateLimit',
      'redisCounters',
      'redisKeys',
      'redisScores',
      'reputation',
    ]);
  });
});
