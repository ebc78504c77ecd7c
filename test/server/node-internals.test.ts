import { Socket } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';

afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
  vi.resetModules();
});

/** Whether the shared buffer for reads was taken, and how bytes are decoded, in modules that are loaded anew. */
async function fresh(): Promise<{ readonly shared: boolean; readonly decoded: readonly string[] }> {
  vi.resetModules();
  const { readSocket } = await import('../../src/server/socket-io.js');
  const { decodeText } = await import('../../src/transport/wire/text.js');
  const socket = new Socket();
  const symbols = { kBuffer: Symbol('kBuffer'), kBufferCb: Symbol('kBufferCb') };
  // What a socket has that a server has accepted.
  Object.assign(socket, { [symbols.kBuffer]: null, [symbols.kBufferCb]: null });
  Object.assign(socket, {
    _handle: { useUserBuffer: () => undefined, readStart: () => 0, close: () => undefined },
  });
  vi.spyOn(socket, 'resume').mockReturnValue(socket);
  const shared = readSocket(socket, { receive: () => undefined });
  const texts = ['plain', 'J\u00fcrgen \u2603', '', '\ufffd'].map((text) => Buffer.from(`<${text}>`));
  const bytes = [...texts, Buffer.from('<caf\xe9>', 'latin1')];
  return { shared, decoded: bytes.map((data) => decodeText(data, 1, data.length - 1)) };
}

const DECODED = ['plain', 'J\u00fcrgen \u2603', '', '\ufffd', 'caf\u00e9'];

describe('What is taken of Node without a public name', () => {
  it('is taken where this Node has it', async () => {
    const toString = vi.spyOn(Buffer.prototype, 'toString');
    expect(await fresh()).toEqual({ shared: true, decoded: DECODED });
    expect(toString.mock.calls.filter(([encoding]) => encoding === 'utf8')).toEqual([]);
  });

  it('is switched off by RXMILTER_NODE_INTERNALS=off, and all works the same', async () => {
    vi.stubEnv('RXMILTER_NODE_INTERNALS', 'off');
    const toString = vi.spyOn(Buffer.prototype, 'toString');
    expect(await fresh()).toEqual({ shared: false, decoded: DECODED });
    expect(toString.mock.calls.filter(([encoding]) => encoding === 'utf8').length).toBeGreaterThan(0);
  });

  it('may be gone in a later Node', async () => {
    const prototype = Buffer.prototype as unknown as { utf8Slice: unknown };
    const { utf8Slice } = prototype;
    // Node's own toString() needs it as long as it is there: only the look at it is answered otherwise.
    const own = Object.getOwnPropertyDescriptor(prototype, 'utf8Slice');
    let hidden = true;
    Object.defineProperty(prototype, 'utf8Slice', {
      configurable: true,
      get: () => (hidden ? undefined : utf8Slice),
    });
    try {
      vi.resetModules();
      const { decodeText } = await import('../../src/transport/wire/text.js');
      hidden = false;
      const data = Buffer.from('J\u00fcrgen');
      expect(decodeText(data, 0, data.length)).toBe('J\u00fcrgen');
    } finally {
      if (own !== undefined) Object.defineProperty(prototype, 'utf8Slice', own);
    }
  });
});
