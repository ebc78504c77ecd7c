import { TextDecoder } from 'node:util';
import { defer, from, type Observable } from 'rxjs';

import { STORE, type BodyStore } from '../../spool/body-store.js';
import type { BufferedBody } from '../message.js';
import { ChunkReader } from './chunk-reader.js';

export class StoredBody extends ChunkReader implements BufferedBody {
  readonly complete: boolean;
  readonly #store: BodyStore;

  constructor(store: BodyStore, complete: boolean, failed?: (reason: unknown) => void) {
    super(failed);
    this.complete = complete;
    this.#store = store;
  }

  get [STORE](): BodyStore {
    return this.#store;
  }

  /** A new body is read into its store only later. */
  get size(): number {
    return this.#store.size;
  }

  /** Whether it is certain, without reading a file, that these bytes are the same. */
  is(bytes: Uint8Array): boolean {
    return this.complete && this.#store.holds(bytes);
  }

  bytes(): Promise<Buffer> {
    return this.#store.bytes();
  }

  async text(encoding = 'utf-8'): Promise<string> {
    const decoder = decoderFor(encoding);
    const bytes = await this.#store.bytes();
    if (decoder.encoding !== 'windows-1252') return decoder.decode(bytes);
    // Asked for all at once, Node 20.18.3 to 24 take this one (of which iso-8859-1 is a label, too) for Latin-1, and make
    // control characters of the euro sign and of all the quotation marks.
    return decoder.decode(bytes, { stream: true }) + decoder.decode();
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array, undefined> {
    return this.#store.chunks();
  }

  protected observable(): Observable<Uint8Array> {
    return defer(() => from(this.#store.pieces ?? this.#store.chunks()));
  }
}

function decoderFor(encoding: string): TextDecoder {
  try {
    return new TextDecoder(encoding);
  } catch (cause) {
    throw new RangeError(
      `text(): the encoding ${JSON.stringify(encoding)} is not known. ` +
        'Labels are those of the WHATWG Encoding Standard, such as utf-8 or iso-8859-1; for others take bytes().',
      { cause },
    );
  }
}
