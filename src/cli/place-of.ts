import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';

import { ofPackage } from './package-root.js';

/**
 * Where in somebody's own code an error comes from, as `filter.mjs:3:7`; nothing where that cannot be said.
 *
 * That is the first place outside of Node and of installed packages. A file that cannot even be parsed stands, without a
 * column, above what V8 prints of it.
 */
export function placeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  for (const line of (error.stack ?? '').split('\n')) {
    const [, scheme, path, at] = /(?:^|[\s(])(file:\/\/)?(\/[^\s()]*?):(\d+(?::\d+)?)\)?$/.exec(line) ?? [];
    if (path === undefined || at === undefined) continue;
    const file = scheme === undefined ? path : fileURLToPath(`file://${path}`);
    if (!ofPackage(file) && !file.includes('/node_modules/')) return `${basename(file)}:${at}`;
  }
  return undefined;
}
