import type { MtaMacros } from '../mta/client/macros.js';
import { UsageError } from './usage-error.js';

/**
 * Reads macros of the form `name=value`. Names of more than a letter get the braces that they have on the wire.
 *
 * @throws UsageError where it is no macro
 * @example parseMacros(['i=4711', 'auth_authen=bob']); // { i: '4711', '{auth_authen}': 'bob' }
 */
export function parseMacros(texts: readonly string[]): MtaMacros {
  return Object.fromEntries(
    texts.map((text) => {
      const [, name = '', value] = /^\{?([^\s{}=]+)\}?=([^\0]*)$/.exec(text) ?? [];
      if (value === undefined) {
        throw new UsageError(
          `--macro ${JSON.stringify(text)} is no macro. Write name=value, as in --macro auth_authen=bob.`,
        );
      }
      return [name.length === 1 ? name : `{${name}}`, value];
    }),
  );
}
