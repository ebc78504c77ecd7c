/** The floor of work (d): the bare server again, but it really hashes each piece of body where it lies in the read buffer. */
import { createHash } from 'node:crypto';

import { frame } from '../mail/wire.mjs';
import { serveFrames } from './frames.mjs';
import { announce, request } from './process.mjs';

const proceed = frame('c');

await serveFrames(request, () => {
  let hash = createHash('sha256');
  return {
    body(piece) {
      hash.update(piece);
    },
    eom(reply) {
      reply(Buffer.concat([frame('h', `X-SHA256\0${hash.digest('hex')}\0`), proceed]));
      hash = createHash('sha256');
    },
  };
});
announce();
