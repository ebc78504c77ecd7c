import { describe, expect, it } from 'vitest';

import * as lookups from '../../src/lookups/index.js';

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
