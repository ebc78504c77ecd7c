import { realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, sep } from 'node:path';

const NAME = 'rxmilter';

/** The directory of the package that this command is part of. */
export const PACKAGE_ROOT = rootSeenFrom(import.meta.url) ?? '';

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
  return ['dist', 'src'].some((directory) => file.startsWith(join(PACKAGE_ROOT, directory) + sep));
}
