// @ts-check
import { existsSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';

/** @typedef {{ name: string, version: string, files: string[], bin?: string | Record<string, string>, exports: Record<string, unknown>, main?: string, types?: string }} Manifest */

/**
 * What users can name: the modules that they can import, and the commands that are installed.
 * @param {Manifest} manifest
 * @returns {{ modules: string[], bin: Record<string, string> }}
 */
export function entryPoints({ name, exports, bin = {} }) {
  const modules = Object.keys(exports)
    .filter((key) => !key.endsWith('.json'))
    .map((key) => posix.join(name, key));
  return { modules, bin: typeof bin === 'string' ? { [name]: bin } : bin };
}

/**
 * Compares what package.json promises with what is in the tarball.
 * @param {string} root
 * @param {Manifest} manifest
 * @param {readonly string[]} packed the paths in the tarball
 * @returns {string[]} what is wrong; empty when nothing is
 */
export function checkContents(root, manifest, packed) {
  const problems = [];
  const has = new Set(packed);
  for (const entry of manifest.files) {
    const there =
      existsSync(join(root, entry)) && packed.some((path) => path === entry || path.startsWith(`${entry}/`));
    if (!there) problems.push(`"files" names ${entry}, but there is no such file to pack`);
  }
  for (const target of targets([manifest.exports, manifest.main, manifest.types, manifest.bin])) {
    if (!has.has(posix.normalize(target)))
      problems.push(`package.json points at ${target}, which is not in the tarball`);
  }
  for (const path of packed) {
    if (
      !/^(dist\/.*\.(js|js\.map|d\.ts)|docs\/.*\.md|examples\/.*\.(mjs|md)|package\.json|(README|CHANGELOG|CONTRIBUTING)\.md|LICENSE)$/.test(
        path,
      )
    ) {
      problems.push(`${path} has no business in the tarball`);
    }
    if (path.endsWith('.js')) problems.push(...checkMap(root, path, has));
  }
  return problems;
}

/**
 * A source map is of use only when it brings the sources, because the tarball does not.
 * @param {string} root @param {string} path @param {ReadonlySet<string>} has
 */
function checkMap(root, path, has) {
  const map = `${path}.map`;
  if (!has.has(map)) return [`${path} has no source map in the tarball`];
  if (!readFileSync(join(root, path), 'utf8').includes(`//# sourceMappingURL=${posix.basename(map)}`)) {
    return [`${path} does not point at its source map`];
  }
  const { sources, sourcesContent = [] } = JSON.parse(readFileSync(join(root, map), 'utf8'));
  const complete = sources.length === sourcesContent.length && !sourcesContent.includes(null);
  return complete ? [] : [`${map} does not contain its sources`];
}

/**
 * Every path in a value of package.json, however deep.
 * @param {unknown} value
 * @returns {string[]}
 */
function targets(value) {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(targets) : [];
}
