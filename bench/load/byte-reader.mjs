/** Reads a connection as many bytes at a time as are due. */
export class ByteReader {
  #chunks;
  #rest = Buffer.alloc(0);

  /** @param {import('node:net').Socket} socket */
  constructor(socket) {
    this.#chunks = socket[Symbol.asyncIterator]();
  }

  /** @param {number} size @returns {Promise<Buffer>} */
  async take(size) {
    const parts = [];
    let missing = size;
    while (missing > 0) {
      if (this.#rest.length === 0) {
        const { done, value } = await this.#chunks.next();
        if (done) throw new Error('the filter closed the connection');
        this.#rest = value;
      }
      const part = this.#rest.subarray(0, missing);
      this.#rest = this.#rest.subarray(part.length);
      parts.push(part);
      missing -= part.length;
    }
    return Buffer.concat(parts, size);
  }

  /** The head of the next frame, and how many bytes of data are to follow. */
  async frame() {
    const head = await this.take(5);
    return { letter: head[4], length: head.readUInt32BE(0) - 1 };
  }

  /** @param {Buffer} bytes */
  async expect(bytes) {
    const received = await this.take(bytes.length);
    if (received.equals(bytes)) return;
    throw new Error(`the filter sent ${received.toString('latin1')}, not ${bytes.toString('latin1')}`);
  }

  /** Nothing more may come. */
  async end() {
    const { done } = await this.#chunks.next();
    if (!done || this.#rest.length > 0) throw new Error('the filter sent more than it was asked for');
  }
}
