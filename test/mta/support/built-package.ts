import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

import { run } from './run.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

/** What a program has to be started with to have the package as it is now, without what `npm run build` left. */
export interface BuiltPackage {
  /** Arguments for Node. */
  readonly flags: readonly string[];
  /** The file of the main entry; the command `rxmilter.js` lies beside it. */
  readonly index: string;
  /** Deletes it. */
  remove(): Promise<void>;
}

const REGISTER = `import { register } from 'node:module';
register('./hooks.js', import.meta.url);
`;

const HOOKS = `const entries = new Map(ENTRIES.map(([name, file]) => [name, new URL(file, import.meta.url).href]));
export const resolve = (name, context, next) =>
  entries.has(name) ? { url: entries.get(name), shortCircuit: true } : next(name, context);
`;

const ENTRIES = [
  ['rxmilter', 'index', `${ROOT}src/index.ts`],
  ['rxmilter/lookups', 'lookups', `${ROOT}src/lookups/index.ts`],
  ['rxmilter/policies', 'policies', `${ROOT}src/policies/index.ts`],
] as const;
const COMMAND = ['', 'rxmilter', `${ROOT}src/cli/bin.ts`] as const;

/** Builds the package for processes of their own, in a throw-away directory from which they find RxJS. */
export async function builtPackage(): Promise<BuiltPackage> {
  const cache = `${ROOT}node_modules/.cache`;
  await mkdir(cache, { recursive: true });
  const dir = await mkdtemp(`${cache}/rxmilter-`);
  const entry = [...ENTRIES, COMMAND].flatMap(([, file, source]) => [`--entry.${file}`, source]);
  const flags = ['--no-config', '--silent', '--format', 'esm', '--target', 'node20.19', '--out-dir', dir];
  await run(process.execPath, [`${ROOT}node_modules/tsup/dist/cli-default.js`, ...entry, ...flags]);
  const entries = JSON.stringify(ENTRIES.map(([name, file]) => [name, `./${file}.js`]));
  await writeFile(`${dir}/package.json`, '{ "type": "module" }');
  await writeFile(`${dir}/register.js`, REGISTER);
  await writeFile(`${dir}/hooks.js`, HOOKS.replace('ENTRIES', entries));
  return {
    flags: ['--import', `${dir}/register.js`],
    index: `${dir}/index.js`,
    remove: () => rm(dir, { recursive: true }),
  };
}
