import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

import unit from '../../vitest.config.js';

/**
 * The tests against a real mail server. They stand apart from the unit tests because they need root, installed
 * packages and a few seconds; they run one file after the other because every file starts a mail server of its own.
 */
export default defineConfig({
  ...(unit.resolve && { resolve: unit.resolve }),
  test: {
    root: fileURLToPath(new URL('../..', import.meta.url)),
    include: ['test/mta/**/*.test.ts'],
    globalSetup: ['test/mta/support/announce-requirements.ts'],
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
