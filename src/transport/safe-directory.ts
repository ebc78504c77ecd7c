import { realpathSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

import { SocketFileError } from './socket-file-error.js';

const OTHERS_WRITE = 0o022;
/** In such a directory a user can rename and remove only what is that user's. */
const STICKY = 0o1000;

/**
 * Throws where another user could replace a directory that is only named, and not held: the mode and the owner would then be
 * those of another file.
 */
export function checkUnheld(path: string): void {
  const user = process.geteuid?.() ?? 0;
  for (let at = realpathSync(path); ; at = dirname(at)) {
    const { uid, mode } = statSync(at);
    const ours = uid === user || uid === 0;
    if (!ours || ((mode & OTHERS_WRITE) !== 0 && (mode & STICKY) === 0)) {
      throw new SocketFileError(
        `other users may write to ${at}, and without /proc the socket cannot be kept from being replaced while it is made; ` +
          'mount /proc, or take a directory that only the user of this process may write to',
      );
    }
    if (at === dirname(at)) return;
  }
}
