import type { EnvelopePath } from './envelope-path.js';

/** The recipients of a message that is being changed. */
export class DraftRecipients implements Iterable<EnvelopePath> {
  [Symbol.iterator](): Iterator<EnvelopePath> {
    return [][Symbol.iterator]();
  }
}
