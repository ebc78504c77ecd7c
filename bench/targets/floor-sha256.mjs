/**
 * The floor of work (d): the bare server again, but it really hashes each piece of body where it lies in the read
 * buffer. Answers what the negotiation leaves a reply with bytes made beforehand, but for the end of the message.
 */
import { createHash } from 'node:crypto';

import { frame } from '../lib/wire.mjs';
import { listenOn } from './listen.mjs';
import { announce, request } from './process.mjs';

const NONE = Buffer.alloc(0);
const [BODY, EOM] = Buffer.from('BE');
/** @type {(Buffer | undefined)[]} */
const answers = new Array(256).fill(undefined);
for (const [name, hex] of Object.entries(request.answers))
  answers[name.charCodeAt(0)] = Buffer.from(hex, 'hex');
const proceed = frame('c');

/** @param {import('node:net').Socket} socket */
function answer(socket) {
  let head = NONE;
  let missing = 0;
  let letter = 0;
  let hash = createHash('sha256');
  const finished = () => {
    if (letter !== EOM) {
      const due = answers[letter];
      if (due !== undefined) socket.write(due);
      return;
    }
    socket.write(Buffer.concat([frame('h', `X-SHA256\0${hash.digest('hex')}\0`), proceed]));
    hash = createHash('sha256');
  };
  socket.on('data', (data) => {
    const chunk = head.length > 0 ? Buffer.concat([head, data]) : data;
    head = NONE;
    let at = 0;
    while (at < chunk.length) {
      if (missing === 0) {
        if (at + 5 > chunk.length) {
          head = chunk.subarray(at);
          return;
        }
        missing = chunk.readUInt32BE(at) - 1;
        letter = chunk[at + 4];
        at += 5;
      }
      const end = Math.min(at + missing, chunk.length);
      if (letter === BODY && end > at) hash.update(chunk.subarray(at, end));
      missing -= end - at;
      at = end;
      if (missing === 0) finished();
    }
  });
}

await listenOn(request.endpoint, answer);
announce();
