/**
 * The floor: the least that a filter on `node:net` can do. It finds where frames end and answers each that wants an
 * answer with bytes made beforehand; it decodes nothing, keeps nothing and decides nothing.
 * `node floor.mjs '{"endpoint":"unix:/path","answers":{"C":"0000000163"}}'`, answers by letter, in hex.
 */
import { listenOn } from './listen.mjs';
import { announce, request } from './process.mjs';

const NONE = Buffer.alloc(0);

/** @type {(Buffer | undefined)[]} */
const answers = new Array(256).fill(undefined);
for (const [letter, hex] of Object.entries(request.answers))
  answers[letter.charCodeAt(0)] = Buffer.from(hex, 'hex');

/** @param {import('node:net').Socket} socket */
function answer(socket) {
  let head = NONE; // the first bytes of a frame whose letter has not arrived
  let missing = 0; // bytes of the frame under way that have not arrived
  /** @type {Buffer | undefined} */
  let due;
  socket.on('data', (data) => {
    const chunk = head.length > 0 ? Buffer.concat([head, data]) : data;
    head = NONE;
    if (missing > chunk.length) {
      missing -= chunk.length;
      return;
    }
    let at = missing;
    if (missing > 0 && due !== undefined) socket.write(due);
    missing = 0;
    while (at + 5 <= chunk.length) {
      const end = at + 4 + chunk.readUInt32BE(at);
      due = answers[chunk[at + 4]];
      if (end > chunk.length) {
        missing = end - chunk.length;
        return;
      }
      if (due !== undefined) socket.write(due);
      at = end;
    }
    if (at < chunk.length) head = chunk.subarray(at);
  });
}

await listenOn(request.endpoint, answer);
announce();
