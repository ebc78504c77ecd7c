// @ts-check
/** Says what keeps a tag from being published: `node scripts/check-release.mjs v1.2.3`. */
import { readFileSync } from 'node:fs';

const [tag = ''] = process.argv.slice(2);
const text = (/** @type {string} */ name) => readFileSync(new URL(`../${name}`, import.meta.url), 'utf8');
/** @type {Record<string, unknown> & { version: string }} */
const pack = JSON.parse(text('package.json'));
const missing = ['repository', 'homepage', 'bugs']
  .filter((field) => pack[field] === undefined)
  .map(
    (field) => `package.json has no ${field}; RELEASING.md says what has to exist before the first release`,
  );
if (tag !== `v${pack.version}`)
  missing.push(`the tag is ${tag || 'missing'}, and package.json says ${pack.version}`);
if (!text('CHANGELOG.md').includes(`## [${pack.version}]`))
  missing.push(`CHANGELOG.md has no section ${pack.version}`);
for (const each of missing) process.stderr.write(`Not to be released: ${each}.\n`);
if (missing.length > 0) process.exitCode = 1;
