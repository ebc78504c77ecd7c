import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Says what is missing on this machine for a filter on libmilter, or `undefined` when nothing is. */
export function missingForLibmilter(): string | undefined {
  const absent = [
    ...(hasCompiler() ? [] : ['a C compiler (cc)']),
    ...(existsSync('/usr/include/libmilter/mfapi.h') ? [] : ['/usr/include/libmilter/mfapi.h']),
  ];
  if (absent.length === 0) return undefined;
  return `libmilter cannot be used (missing: ${absent.join(', ')}); run test/mta/install.sh`;
}

function hasCompiler(): boolean {
  return (process.env.PATH ?? '').split(delimiter).some((directory) => {
    try {
      accessSync(join(directory, 'cc'), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
