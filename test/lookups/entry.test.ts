import * as lookups from 'rxmilter/lookups';
import { describe, expect, it } from 'vitest';

describe('rxmilter/lookups', () => {
  it('has what the guide speaks of, and nothing by accident', () => {
    expect(Object.keys(lookups).sort()).toEqual([
      'LookUpError',
      'backoff',
      'reloaded',
      'sharedLookUp',
      'watchFile',
    ]);
  });
});
