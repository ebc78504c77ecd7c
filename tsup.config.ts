import { defineConfig } from 'tsup';

const doors = {
  index: 'src/index.ts',
  lookups: 'src/lookups/index.ts',
  mta: 'src/mta/index.ts',
  policies: 'src/policies/index.ts',
  recording: 'src/recording/index.ts',
  testing: 'src/testing/index.ts',
};

export default defineConfig({
  entry: {
    ...doors,
    rxmilter: 'src/cli/bin.ts',
  },
  format: ['esm'],
  target: 'node20.19',
  platform: 'node',
  sourcemap: true,
  clean: true,
  splitting: true,
  esbuildOptions(options) {
    // Otherwise the check of Node's version is left out: package.json says that no file is loaded for its effect alone.
    options.ignoreAnnotations = true;
  },
  // TypeScript 6 deprecates an option that the declaration build sets; without this the build fails silently.
  // The declarations name what Node and `await using` bring; TypeScript 7 no longer finds that by itself.
  dts: {
    entry: doors,
    compilerOptions: { ignoreDeprecations: '6.0', stripInternal: true },
    banner: '/// <reference types="node" />\n/// <reference lib="esnext.disposable" />',
  },
});
