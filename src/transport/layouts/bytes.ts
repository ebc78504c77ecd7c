import type { Layout } from '../layout.js';

/** Bytes up to the end of the frame. */
export interface BytesFields {
  readonly data: Uint8Array;
}

/** Raw bytes: not a string, so NUL is a byte like any other. */
export const bytes: Layout<BytesFields> = {
  doc: 'bytes',
  decode: (data, start, end) => ({ data: data.subarray(start, end) }),
  encode: (fields) => [fields.data],
};
