import fc from 'fast-check';
import { chmodSync, closeSync, constants, openSync, readdirSync, watch, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BodyFileError } from 'rxmilter';
import { describe, expect, it, vi } from 'vitest';

import { BodyStore } from '../../src/spool/body-store.js';
import { fuzz } from '../fuzz/support/fuzz.js';
import { modeOf, openIn, sizeOf } from '../message/support/descriptors.js';
import { scratch } from '../message/support/scratch.js';
import { asNobody } from '../support/as-nobody.js';

const directoryOf = scratch();

async function filled(store: BodyStore, ...pieces: string[]): Promise<BodyStore> {
  for (const piece of pieces) await store.push(Buffer.from(piece));
  return store;
}

async function read(store: BodyStore): Promise<Buffer[]> {
  const chunks: Buffer[] = [];
  for await (const chunk of store.chunks()) chunks.push(Buffer.from(chunk));
  return chunks;
}

const texts = async (store: BodyStore): Promise<string[]> => (await read(store)).map(String);

async function failure(promise: Promise<unknown> | undefined): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('It did not fail.');
}

/** Whether there is Linux's O_TMPFILE where the tests make their files. */
function canBeNameless(): boolean {
  try {
    closeSync(openSync(tmpdir(), 0o20_000_000 | constants.O_DIRECTORY | constants.O_RDWR));
    return process.platform === 'linux';
  } catch {
    return false;
  }
}

describe('A body that fits into memory', () => {
  it('is taken at once, kept as it is, and given back piece by piece', async () => {
    const directory = directoryOf();
    const store = new BodyStore({ memory: 6, directory });
    const [abc, def] = [Buffer.from('abc'), Buffer.from('def')];
    expect(store.push(abc)).toBeUndefined();
    expect(store.push(def)).toBeUndefined();
    const iterator = store.chunks()[Symbol.asyncIterator]();
    expect((await iterator.next()).value).toBe(abc);
    expect((await iterator.next()).value).toBe(def);
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
    expect(store.size).toBe(6);
    expect(openIn(directory)).toEqual([]);
    store.close();
  });

  it('may be empty', async () => {
    const directory = directoryOf();
    const store = new BodyStore({ memory: 0, directory });
    expect(store.push(new Uint8Array())).toBeUndefined();
    expect(await read(store)).toEqual([]);
    expect(await store.bytes()).toEqual(Buffer.alloc(0));
    expect(openIn(directory)).toEqual([]);
    store.close();
  });
});

describe('A body that does not fit into memory', () => {
  it('goes to a file with the first piece that is too much, and keeps its order', async () => {
    const directory = directoryOf();
    const store = new BodyStore({ memory: 6, directory });
    await filled(store, 'abc', 'def');
    expect(openIn(directory)).toEqual([]);
    expect(store.push(Buffer.from('g'))).toBeUndefined();
    expect(openIn(directory)).toHaveLength(1);
    await store.settled();
    expect(openIn(directory).map(sizeOf)).toEqual([7]);
    await filled(store, 'hi', 'jkl');
    expect(await texts(store)).toEqual(['abcdefghijkl']);
    expect(String(await store.bytes())).toBe('abcdefghijkl');
    expect(store.size).toBe(12);
    store.close();
  });

  it('is gathered while it is written, as much as may be in memory at a time, and then has to be waited for', async () => {
    const directory = directoryOf();
    const store = new BodyStore({ memory: 6, directory });
    // Of seven bytes the write begins; the next five gather.
    expect(store.push(Buffer.from('abcdefg'))).toBeUndefined();
    expect(store.push(Buffer.from('hijkl'))).toBeUndefined();
    const full = store.push(Buffer.from('m'));
    expect(full).toBeInstanceOf(Promise);
    await full;
    expect(openIn(directory).map(sizeOf)).toEqual([7]);
    expect(String(await store.bytes())).toBe('abcdefghijklm');
    // With one byte more there is enough for another write.
    expect(store.push(Buffer.from('n'))).toBeUndefined();
    await store.settled();
    expect(openIn(directory).map(sizeOf)).toEqual([14]);
    expect(await texts(store)).toEqual(['abcdefghijklmn']);
    store.close();
  });

  it.each([
    [0, 4, 'abcd'],
    [5, 4, 'fghi'],
    [6, 3, 'ghi'],
    [7, 2, 'hi'],
    [0, 9, 'abcdefghi'],
    [8, 1, 'i'],
    [3, 0, ''],
  ])(
    'is read from %i on, %i bytes, whether in the file or still in memory',
    async (position, length, text) => {
      const store = new BodyStore({ memory: 6, directory: directoryOf() });
      await filled(store, 'abc', 'defg', 'h', 'i');
      await store.settled();
      expect(String(await store.read(length, position))).toBe(text);
      store.close();
    },
  );

  it('is read in pieces of 64 KiB', async () => {
    const store = new BodyStore({ memory: 0, directory: directoryOf() });
    const bytes = Buffer.from(Array.from({ length: 150_000 }, (_, at) => at % 251));
    await store.push(bytes);
    const chunks = await read(store);
    expect(chunks.map(({ length }) => length)).toEqual([65_536, 65_536, 150_000 - 2 * 65_536]);
    expect(Buffer.concat(chunks).equals(bytes)).toBe(true);
    store.close();
  });

  // Where the system is not Linux, files are made with a name at first; that works everywhere.
  it.each([process.platform, 'freebsd'])(
    'has a file without a name, which no other user can open (%s)',
    async (platform) => {
      const directory = directoryOf();
      const mask = process.umask(0);
      vi.stubGlobal('process', Object.create(process, { platform: { value: platform } }));
      try {
        const store = await filled(new BodyStore({ memory: 0, directory }), 'secret');
        expect(readdirSync(directory)).toEqual([]);
        expect(openIn(directory).map(modeOf)).toEqual([0o600]);
        expect(String(await store.bytes())).toBe('secret');
        store.close();
        await vi.waitFor(() => expect(openIn(directory)).toEqual([]));
        expect(readdirSync(directory)).toEqual([]);
      } finally {
        vi.unstubAllGlobals();
        process.umask(mask);
      }
    },
  );

  const nameless = canBeNameless();
  if (!nameless) console.log('Skipped: a file that never has a name, because there is no such thing here.');

  it.skipIf(!nameless)('has a file that never had a name, not even for a moment', async () => {
    const directory = directoryOf();
    const watcher = watch(directory);
    const names: string[] = [];
    // What comes and goes in the directory; a write is seen without a name, too.
    const later = new Promise<void>((resolve) => {
      watcher.on('change', (type, name) => {
        if (type === 'rename') names.push(String(name));
        if (name === 'later') resolve();
      });
    });
    try {
      const store = await filled(new BodyStore({ memory: 0, directory }), 'secret');
      writeFileSync(join(directory, 'later'), '');
      await later;
      expect(names).toEqual(['later']);
      store.close();
    } finally {
      watcher.close();
    }
  });

  it('is given in pieces that no other reader shares', async () => {
    const store = await filled(
      new BodyStore({ memory: 0, directory: directoryOf() }),
      'x'.repeat(65_536),
      'y',
    );
    const kept = await read(store);
    await read(store);
    expect(String(kept[0])).toBe('x'.repeat(65_536));
    expect(String(kept[1])).toBe('y');
    store.close();
  });
});

describe('A store of a body', () => {
  it('gives back what it was given, whatever the pieces and the memory', () =>
    fuzz(
      150,
      fc.record({
        pieces: fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 12 }),
        memory: fc.nat(300),
        readers: fc.integer({ min: 1, max: 4 }),
      }),
      async ({ pieces, memory, readers }) => {
        const store = new BodyStore({ memory, directory: '/tmp' });
        const all = Buffer.concat(pieces);
        for (const piece of pieces) await store.push(piece);
        const results = await Promise.all([
          store.bytes(),
          ...Array.from({ length: readers }, async () => Buffer.concat(await read(store))),
        ]);
        for (const result of results) expect(result.equals(all)).toBe(true);
        expect(store.size).toBe(all.length);
        store.close();
      },
    ));

  it.each([3, 300_000])('is read by several at a time, each at its own pace (memory: %i)', async (memory) => {
    const store = new BodyStore({ memory, directory: directoryOf() });
    for (const letter of 'abc') await store.push(Buffer.alloc(65_536, letter));
    const slow = store.chunks()[Symbol.asyncIterator]();
    const heads = [String((await slow.next()).value)[0]];
    expect((await read(store)).map((chunk) => String(chunk)[0])).toEqual(['a', 'b', 'c']);
    heads.push(String((await slow.next()).value)[0], String((await slow.next()).value)[0]);
    expect(heads).toEqual(['a', 'b', 'c']);
    expect((await slow.next()).done).toBe(true);
    store.close();
  });

  it('may be read on when it goes from memory to the file meanwhile', async () => {
    const store = await filled(new BodyStore({ memory: 6, directory: directoryOf() }), 'abc', 'def');
    const iterator = store.chunks()[Symbol.asyncIterator]();
    expect(String((await iterator.next()).value)).toBe('abc');
    await filled(store, 'ghi');
    expect(String((await iterator.next()).value)).toBe('defghi');
    expect((await iterator.next()).done).toBe(true);
    store.close();
  });

  it.each([3, 300])('says when it is closed that the message is over (memory: %i)', async (memory) => {
    const store = await filled(new BodyStore({ memory, directory: directoryOf() }), 'abc', 'def');
    const begun = store.chunks()[Symbol.asyncIterator]();
    await begun.next();
    store.close();
    store.close();
    const over = /message is over.*read the body before/;
    await expect(begun.next()).rejects.toThrow(over);
    expect((await begun.next()).done).toBe(true);
    await expect(read(store)).rejects.toThrow(over);
    await expect(store.bytes()).rejects.toThrow(over);
    expect(store.push(Buffer.from('late'))).toBeUndefined();
  });

  it('is closed while the file is being written', async () => {
    const directory = directoryOf();
    const store = new BodyStore({ memory: 3, directory });
    await filled(store, 'abc');
    const taken = store.push(Buffer.alloc(1_000_000));
    store.close();
    // The system still works with it: another file must not get its number now.
    expect(openIn(directory)).toHaveLength(1);
    await taken;
    await vi.waitFor(() => expect(openIn(directory)).toEqual([]));
  });

  it('gives its room back where it is closed between two writes', async () => {
    const most = { directory: directoryOf(), disk: 100 };
    const store = new BodyStore({ memory: 60, ...most });
    await filled(store, 'x'.repeat(60));
    void store.push(Buffer.alloc(40));
    store.close();
    await store.settled();
    const next = await filled(new BodyStore({ memory: 0, ...most }), 'x'.repeat(100));
    expect(next.size).toBe(100);
    next.close();
  });

  it('is closed while one piece is being written and more is there', async () => {
    const directory = directoryOf();
    const store = new BodyStore({ memory: 3, directory });
    void store.push(Buffer.from('abcd'));
    const full = store.push(Buffer.from('efgh'));
    store.close();
    await full;
    await vi.waitFor(() => expect(openIn(directory)).toEqual([]));
  });

  it('copies bytes that are lent, into memory that is used again', async () => {
    const PIECE = 65_536;
    const directory = directoryOf();
    const slow = vi.spyOn(Buffer, 'allocUnsafeSlow');
    const rooms = (): number => slow.mock.calls.filter(([size]) => size === 4 * PIECE).length;
    const lent = Buffer.alloc(PIECE);
    const used: number[] = [];
    try {
      for (const first of [1, 101]) {
        const store = new BodyStore({ memory: 2 * PIECE, directory });
        for (let at = 0; at < 64; at++) {
          await store.push(lent.fill(first + at), true);
          lent.fill(0);
        }
        await store.settled();
        const all = await store.bytes();
        for (let at = 0; at < 64; at++) {
          const expected = Buffer.alloc(PIECE, first + at);
          expect(all.subarray(at * PIECE, (at + 1) * PIECE).equals(expected)).toBe(true);
        }
        store.close();
        used.push(rooms());
      }
      // Of 4 MiB no more was in memory than a few pieces at a time, and the second body took the same.
      expect(used[0]).toBeLessThan(5);
      expect(used[1]).toBe(used[0]);
      const many = Array.from({ length: 24 }, () => new BodyStore({ memory: 0, directory }));
      for (const store of many) await store.push(lent, true);
      for (const store of many) store.close();
      const before = rooms();
      const again = Array.from({ length: 24 }, () => new BodyStore({ memory: 0, directory }));
      for (const store of again) await store.push(lent, true);
      // Not more than 16 are kept.
      expect(rooms() - before).toBe(24 - 16);
      for (const store of again) store.close();
    } finally {
      slow.mockRestore();
    }
  });

  it('is closed while the file is being read', async () => {
    const directory = directoryOf();
    const store = await filled(new BodyStore({ memory: 0, directory }), 'abc');
    const reading = [store.bytes(), store.chunks()[Symbol.asyncIterator]().next(), read(store)];
    const settled = Promise.allSettled(reading);
    store.close();
    expect(openIn(directory)).toHaveLength(1);
    for (const result of await settled)
      expect(result).toMatchObject({
        status: 'rejected',
        reason: { message: expect.stringContaining('message is over') },
      });
    await vi.waitFor(() => expect(openIn(directory)).toEqual([]));
  });

  it('leaks no descriptor, however the messages end', async () => {
    const directory = directoryOf();
    for (let message = 0; message < 60; message++) {
      const store = await filled(new BodyStore({ memory: 0, directory }), 'abc');
      const pending =
        message % 3 === 0 ? store.push(Buffer.alloc(9)) : message % 3 === 1 ? store.bytes() : read(store);
      const settled = Promise.allSettled([pending]);
      if (message % 2 === 0) store.close();
      await settled;
      store.close();
    }
    await vi.waitFor(() => expect(openIn(directory)).toEqual([]));
    expect(readdirSync(directory)).toEqual([]);
  });
});

describe('A store that cannot make its file', () => {
  it('says so where the directory is missing, with each push', async () => {
    const directory = join(directoryOf(), 'missing');
    const store = await filled(new BodyStore({ memory: 3, directory }), 'abc');
    for (const push of [store.push(Buffer.from('d')), store.push(Buffer.from('e'))]) {
      const error = await failure(push);
      expect(error).toBeInstanceOf(BodyFileError);
      expect(error).toMatchObject({ code: 'ENOENT', directory });
      expect(String(error)).toContain(`could not be made in ${directory}`);
      expect(String(error)).toMatch(/options directory .*limits\.memory/);
    }
    expect(await failure(read(store))).toBeInstanceOf(BodyFileError);
    expect(await failure(store.bytes())).toBeInstanceOf(BodyFileError);
    store.close();
  });

  it('says so where the directory may not be written to', async () => {
    const directory = directoryOf();
    chmodSync(directory, 0o555);
    await asNobody(async () => {
      const store = new BodyStore({ memory: 0, directory });
      expect(await failure(store.push(Buffer.from('a')))).toMatchObject({ code: 'EACCES', directory });
      store.close();
    });
  });

  it('says so where the directory is a file', async () => {
    const file = join(directoryOf(), 'file');
    writeFileSync(file, '');
    const store = new BodyStore({ memory: 0, directory: file });
    expect(await failure(store.push(Buffer.from('a')))).toMatchObject({ code: 'ENOTDIR' });
    store.close();
  });
});
