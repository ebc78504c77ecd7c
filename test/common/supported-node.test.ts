import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

import { unsupportedNode } from '../../src/common/check-node.js';

const ENGINES = (
  JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    engines: { node: string };
  }
).engines.node;

describe('unsupportedNode()', () => {
  it.each(['20.19.0', '20.20.2', '21.0.0', '22.0.0', '24.1.0', '26.0.0-nightly2026'])(
    'says nothing of Node %s',
    (version) => {
      expect(unsupportedNode(version)).toBeUndefined();
    },
  );

  it.each(['16.20.2', '18.20.4', '19.9.0', '20.0.0', '20.18.3'])(
    'says of Node %s what is needed, what there is, and what to do',
    (version) => {
      expect(unsupportedNode(version)).toMatch(
        new RegExp(
          `^rxmilter needs Node 20\\.19 or newer, and this is Node ${version}\\. Install a newer one`,
        ),
      );
    },
  );

  it('goes by what package.json says of engines', () => {
    const [, oldest = ''] = /^>=(\d+\.\d+)$/.exec(ENGINES) ?? [];
    expect(unsupportedNode(`${oldest}.0`)).toBeUndefined();
    expect(unsupportedNode('1.0.0')).toContain(`Node ${oldest} or newer`);
  });
});
