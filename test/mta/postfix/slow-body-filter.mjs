// @ts-check
import { setTimeout as pause } from 'node:timers/promises';
import { addHeader, on, replaceBody, serve } from 'rxmilter';

const PIECES = 16;
const [listen = '', size = '131072'] = process.argv.slice(2);

/** A body that takes its time, and says at its end how long it is. */
async function* slowBody() {
  const line = `${'x'.repeat(62)}\r\n`;
  const piece = line.repeat(Number(size) / PIECES / line.length);
  for (let count = 0; count < PIECES; count++) {
    await pause(3);
    yield piece;
  }
  yield 'The end.\r\n';
}

const server = await serve(
  on('eom', () => [addHeader('X-Filtered', 'yes'), replaceBody(slowBody())]),
  { listen },
);
console.log(`Listening on ${server.address}`);
