import { type HeaderField, Headers } from 'rxmilter';

import { headerField } from '../../../src/message/headers/header-field.js';

/** A field as the MTA shows it, without `leadingSpace`. */
export function field(name: string, value: string | Uint8Array): HeaderField {
  return headerField(name, value, false);
}

/** The header of these names and values. */
export function headersOf(
  ...pairs: readonly (readonly [name: string, value: string | Uint8Array])[]
): Headers {
  return new Headers(pairs.map(([name, value]) => field(name, value)));
}
