/**
 * Filters that get a large message, and the peak of the memory that Node knows of: heap and buffers. With --expose-gc
 * all garbage is collected before each reading.
 */
import { createHash } from 'node:crypto';
import { pipeline } from 'node:stream/promises';
import { pathToFileURL } from 'node:url';
import { map, reduce } from 'rxjs';

import { announce, request } from './process.mjs';

const library = process.env.RXMILTER_DIST ?? new URL('../../dist/index.js', import.meta.url).pathname;
/** @type {typeof import('rxmilter')} */
const { addHeader, edit, onMessage, serve } = await import(pathToFileURL(library).href);

const SAMPLING = globalThis.gc === undefined ? 10 : 25;

/** The new body: every byte with its lowest bit turned over. @param {Uint8Array} bytes */
function turned(bytes) {
  const out = Buffer.allocUnsafe(bytes.length);
  for (let at = 0; at < bytes.length; at++) out[at] = bytes[at] ^ 1;
  return out;
}

/** @param {AsyncIterable<Uint8Array>} body */
async function* turnedPieces(body) {
  for await (const piece of body) yield turned(piece);
}

const say = (/** @type {string} */ digest) => addHeader('X-SHA256', digest);
/** @typedef {ReturnType<typeof say>} Said */
/** @param {(body: import('rxmilter').StreamedBody) => Promise<Said> | import('rxjs').Observable<Said>} digest */
const hashing = (digest) => onMessage({ body: 'stream' }, ({ body }) => digest(body));

/** @type {Record<string, () => import('rxmilter').Filter>} */
const filters = {
  iterable: () =>
    hashing(async (body) => {
      const hash = createHash('sha256');
      for await (const piece of body) hash.update(piece);
      return say(hash.digest('hex'));
    }),
  observable: () =>
    hashing((body) =>
      body.chunks.pipe(
        reduce((hash, piece) => hash.update(piece), createHash('sha256')),
        map((hash) => say(hash.digest('hex'))),
      ),
    ),
  readable: () =>
    hashing(async (body) => {
      const hash = createHash('sha256');
      await pipeline(body.readable(), hash);
      return say(hash.read().toString('hex'));
    }),
  spooled: () =>
    onMessage((message) => edit(message, (draft) => void (draft.body = turnedPieces(message.body)))),
  whole: () =>
    onMessage({ limits: { memory: Infinity } }, (message) =>
      edit(message, async (draft) => void (draft.body = turned(await message.body.bytes()))),
    ),
};

const peak = { heap: 0, buffers: 0 };
setInterval(() => {
  // Twice: what the first has found is given back in the background, or when the next begins.
  globalThis.gc?.();
  globalThis.gc?.();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  peak.heap = Math.max(peak.heap, heapUsed);
  peak.buffers = Math.max(peak.buffers, arrayBuffers);
}, SAMPLING).unref();
process.on('exit', () => process.stdout.write(`${JSON.stringify(peak)}\n`));

await serve(filters[request.work](), { listen: request.endpoint });
announce();
