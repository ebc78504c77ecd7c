import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

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
    exclude: ['test/mta/**', 'node_modules/**'],
  },
});
