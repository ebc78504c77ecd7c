import { realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, sep } from 'node:path';

const NAME = 'rxmilter';

let directories: readonly string[] | undefined;

/** The directory of this package; empty where it was made a part of another file. Looked for when first asked for. */
export function packageRoot(): string {
  return rootSeenFrom(import.meta.url) ?? '';
}

/** The directory of the package that a file gets when it imports `rxmilter`; nothing where it would get none. */
export function rootSeenFrom(file: string): string | undefined {
  try {
    return realpathSync(dirname(createRequire(file).resolve(`${NAME}/package.json`)));
  } catch {
    return undefined;
  }
}

/** Whether a file is one of the package's own, built or not. */
export function ofPackage(file: string): boolean {
  directories ??= ['dist', 'src'].map((directory) => join(packageRoot(), directory) + sep);
  return directories.some((directory) => file.startsWith(directory));
}
