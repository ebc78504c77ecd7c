import { describe, expect, it } from 'vitest';

import { ALL_STAGES, BIT, STAGES, bitOf, stageSet, type FlowStage } from '../../src/session/stage.js';

describe('the bits of the stages', () => {
  it.each(Object.keys(BIT) as FlowStage[])('are the same however they are asked for: %s', (stage) => {
    expect(bitOf(stage)).toBe(BIT[stage]);
  });

  it('are one for each, and together all that can be answered', () => {
    expect(new Set(Object.values(BIT)).size).toBe(Object.keys(BIT).length);
    expect(stageSet(STAGES, ALL_STAGES)).toBe(ALL_STAGES);
  });
});
