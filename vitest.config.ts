import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

/** Floods, and tests that need real time: half of the time of all. `RXMILTER_QUICK=1` leaves them out. */
const SLOW = [
  'test/common/time.test.ts',
  'test/mta-side/remote/memory.test.ts',
  'test/policies/flood.test.ts',
  'test/server/thrown-values.test.ts',
  'test/server/turned-away.test.ts',
  'test/session/read-once.test.ts',
  'test/testing/contract.test.ts',
  'test/transport/bind-hostile.test.ts',
];

export default defineConfig({
  resolve: {
    // Examples import the package by the name that its users write; the tests run them against the sources, not the build.
    alias: [
      { find: /^rxmilter$/, replacement: fileURLToPath(new URL('src/index.ts', import.meta.url)) },
      { find: /^rxmilter\/(\w+)$/, replacement: fileURLToPath(new URL('src/$1/index.ts', import.meta.url)) },
    ],
  },
  test: {
    // One worker a processor: the default leaves one processor to others.
    maxWorkers: '100%',
    include: ['test/**/*.test.ts'],
    exclude: ['test/mta/**', 'node_modules/**', ...(process.env.RXMILTER_QUICK === '1' ? SLOW : [])],
    coverage: {
      include: ['src/**/*.ts'],
      reporter: ['text-summary', 'html'],
      thresholds: { statements: 94, branches: 90, functions: 95, lines: 95 },
    },
  },
});
