import type { Layout } from '../layout.js';
import { Malformed } from '../malformed.js';

const EMPTY: object = Object.freeze({});

/** A frame that consists of its letter. Postfix treats anything more as a broken peer, and so do we. */
export const none: Layout<object> = {
  doc: '(no data)',
  decode(_data, start, end) {
    if (end > start) throw new Malformed(`${end - start} bytes of data where there are none`);
    return EMPTY;
  },
  encode: () => [],
};
