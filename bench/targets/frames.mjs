import { listenOn } from './listen.mjs';

const NONE = Buffer.alloc(0);
const [BODY, EOM] = Buffer.from('BE');

/**
 * @typedef {object} Taker what is done with one message after the other of a connection
 * @property {(piece: Buffer) => void} body called with what of the body is in the read buffer
 * @property {(reply: (answer?: Buffer) => void) => void} eom `reply` writes an answer, by default the one made beforehand
 */

/**
 * A bare server that finds where frames end, and answers what the negotiation leaves a reply with bytes made beforehand.
 * Only the body and its end are looked at.
 * @param {{ endpoint: string, answers: Record<string, string> }} request answers by letter, in hex
 * @param {(socket: import('node:net').Socket) => Taker} take
 */
export async function serveFrames({ endpoint, answers: given }, take) {
  /** @type {(Buffer | undefined)[]} */
  const answers = new Array(256).fill(undefined);
  for (const [letter, hex] of Object.entries(given)) answers[letter.charCodeAt(0)] = Buffer.from(hex, 'hex');

  return await listenOn(endpoint, (socket) => {
    const taker = take(socket);
    const reply = (answer = answers[EOM] ?? NONE) => void socket.write(answer);
    let head = NONE;
    let missing = 0;
    let letter = 0;
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
        if (letter === BODY && end > at) taker.body(chunk.subarray(at, end));
        missing -= end - at;
        at = end;
        if (missing > 0) return;
        const due = answers[letter];
        if (letter === EOM) taker.eom(reply);
        else if (due !== undefined) socket.write(due);
      }
    });
  });
}
