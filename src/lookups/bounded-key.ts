import { createHash } from 'node:crypto';

const LONGEST = 200;
const HASHED = 'sha256:';

/**
 * The key itself where it is short, otherwise its hash: what strangers choose, such as an address, may have any length,
 * and a bounded number of keys bounds memory only where each of them is bounded.
 */
export function boundedKey(key: string): string {
  // A short one that looks like a hash would be taken for the long one that has it.
  if (key.length <= LONGEST && !key.startsWith(HASHED)) return key;
  return HASHED + createHash('sha256').update(key, 'utf8').digest('base64url');
}
