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
  'test/server/node-internals.test.ts',
  'test/transport/bind-hostile.test.ts',
];

/** Tests that count what a module remembers, replace a module, or start threads: each file has modules of its own. */
const ISOLATED = [
  'test/cli/serve.test.ts',
  'test/docs/cli.test.ts',
  // They count timers: what an earlier file has left on its way, a socket that closes late, must not make one.
  'test/fuzz/**/*.test.ts',
  'test/lookups/watch-file-rest.test.ts',
  'test/mail-servers/maddy.test.ts',
  'test/mail-servers/stalwart.test.ts',
  'test/message/optional-peer.test.ts',
  'test/operators/forgotten-answers.test.ts',
  'test/operators/shadow-mail.test.ts',
  'test/server/node-internals.test.ts',
  'test/transport/bind-hostile.test.ts',
];

const LEFT_OUT = ['test/mta/**', 'node_modules/**', ...(process.env.RXMILTER_QUICK === '1' ? SLOW : [])];

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
    projects: [
      {
        // The others share the modules of their worker: loading them anew for each file took a third of the time.
        extends: true,
        test: {
          name: 'shared',
          isolate: false,
          include: ['test/**/*.test.ts'],
          exclude: [...LEFT_OUT, ...ISOLATED],
        },
      },
      { extends: true, test: { name: 'isolated', include: ISOLATED, exclude: LEFT_OUT } },
    ],
    coverage: {
      include: ['src/**/*.ts'],
      reporter: ['text-summary', 'html'],
      thresholds: { statements: 94, branches: 90, functions: 95, lines: 95 },
    },
  },
});
