import { concatMap, from, lastValueFrom, NEVER, of, toArray } from 'rxjs';
import { replaceBody } from 'rxmilter';
import { describe, expect, it, vi } from 'vitest';

import { StoredBody } from '../../src/message/body/stored-body.js';
import { BodyStore } from '../../src/spool/body-store.js';
import { macrotask } from '../fuzz/support/loose-ends.js';
import { inTurn } from './support/in-turn.js';
import { scratch } from './support/scratch.js';
import { textOf, WAYS } from './support/ways.js';

const directoryOf = scratch();

function stored(
  pieces: Iterable<string | Uint8Array>,
  memory = 1_000_000,
): { body: StoredBody; store: BodyStore } {
  const store = new BodyStore({ memory, directory: directoryOf() });
  for (const piece of pieces) void store.push(Buffer.from(piece));
  return { body: new StoredBody(store, true), store };
}

/** The same, in a file. */
async function filed(bytes: Uint8Array): Promise<{ body: StoredBody; store: BodyStore }> {
  const store = new BodyStore({ memory: 0, directory: directoryOf() });
  await store.push(bytes);
  return { body: new StoredBody(store, true), store };
}

describe('A body that has been collected', () => {
  it('says how large it is, and whether that is all', () => {
    const { store } = stored(['abc', 'de']);
    expect(new StoredBody(store, true)).toMatchObject({ size: 5, complete: true });
    expect(new StoredBody(store, false)).toMatchObject({ size: 5, complete: false });
  });

  it.each(Object.entries(WAYS))('is read again and again through %s, from memory', async (_, read) => {
    const { body } = stored(['abc', 'def', 'ghi']);
    for (let time = 0; time < 3; time++) expect(textOf(await read(body))).toBe('abcdefghi');
  });

  it.each(Object.entries(WAYS))('is read again and again through %s, from the file', async (_, read) => {
    const text = 'abcdefg'.repeat(30_000);
    const { body, store } = await filed(Buffer.from(text));
    for (let time = 0; time < 3; time++) expect(textOf(await read(body))).toBe(text);
    store.close();
  });

  it.each(Object.entries(WAYS))('need not be read to its end through %s', async (_, read) => {
    const { body, store } = await filed(Buffer.alloc(1_000_000));
    expect(await read(body, { wanted: 2 })).toMatchObject({ ended: 'stopped', chunks: { length: 2 } });
    expect(await read(body, { wanted: 0 })).toMatchObject({ ended: 'stopped', chunks: { length: 0 } });
    store.close();
  });

  it.each(Object.entries(WAYS))('says through %s that the message is over, once it is', async (_, read) => {
    const { body, store } = await filed(Buffer.alloc(1_000_000));
    const begun = read(body);
    store.close();
    const over = { message: expect.stringContaining('message is over') };
    expect((await begun).ended).toMatchObject(over);
    expect((await read(body)).ended).toMatchObject(over);
  });

  it('is read from memory without waiting for anything', () => {
    const { body } = stored(['abc', 'def']);
    const seen: string[] = [];
    body.chunks.subscribe((chunk) => seen.push(String(chunk)));
    body.chunks.pipe(concatMap((chunk) => of(chunk.length))).subscribe((length) => seen.push(String(length)));
    expect(seen).toEqual(['abc', 'def', '3', '3']);
  });

  it('is read without growing the stack, however many pieces there are', async () => {
    const { body } = stored(Array.from({ length: 20_000 }, () => 'x'));
    expect(await lastValueFrom(body.chunks.pipe(toArray()))).toHaveLength(20_000);
    expect(await lastValueFrom(inTurn(body, (chunk) => of(chunk)).pipe(toArray()))).toHaveLength(20_000);
    expect((await WAYS['a Readable']?.(body))?.ended).toBe('complete');
  });

  it('replaces a body as it is', async () => {
    const { body } = stored(['abc', 'def']);
    expect(replaceBody(body)).toEqual({ kind: 'replaceBody', body });
    expect(String(await body.bytes())).toBe('abcdef');
  });
});

describe('The bytes of a body that has been collected', () => {
  it.each([
    ['in memory', 1_000_000],
    ['in a file', 0],
  ])('are a copy of their own, %s', async (_, memory) => {
    const store = new BodyStore({ memory, directory: directoryOf() });
    await store.push(Buffer.from('abc'));
    const body = new StoredBody(store, true);
    (await body.bytes()).fill(0);
    expect(String(await body.bytes())).toBe('abc');
    store.close();
  });
});

describe('The text of a body that has been collected', () => {
  // The Encoding Standard: UTF-8, windows-1252 (which iso-8859-1 is a label of), Shift_JIS, and U+FFFD for bytes that cannot be decoded.
  it.each([
    ['UTF-8 by default', [0xc3, 0xa4, 0xe2, 0x82, 0xac], undefined, 'ä€'],
    ['a piece that is cut within a letter', [0xe2, 0x82, 0xac], 'utf-8', '€'],
    ['windows-1252', [0x80, 0xe4], 'windows-1252', '€ä'],
    ['another label of it', [0x80, 0xe4], 'ISO-8859-1', '€ä'],
    ['Shift_JIS', [0x93, 0xfa], 'shift_jis', '日'],
    ['what is no UTF-8', [0x61, 0xff, 0x62], 'utf-8', 'a\ufffdb'],
  ])('is decoded: %s', async (_, bytes, encoding, text) => {
    const { body } = stored(bytes.map((byte) => Uint8Array.of(byte)));
    expect(await body.text(encoding)).toBe(text);
  });

  it('is refused in an unknown encoding, by its name', async () => {
    const { body } = stored(['abc']);
    await expect(body.text('utf-7½')).rejects.toThrow(RangeError);
    await expect(body.text('utf-7½')).rejects.toThrow('the encoding "utf-7½" is not known');
  });
});

describe('concatMap of RxJS over a body', () => {
  it('is the way to have an inner stream for each piece, in order', async () => {
    const { body } = stored(['a', 'b', 'c']);
    const running: string[] = [];
    const project = async (chunk: Uint8Array): Promise<string> => {
      running.push(`+${String(chunk)}`);
      await macrotask();
      running.push(`-${String(chunk)}`);
      return String(chunk);
    };
    expect(await lastValueFrom(from(body).pipe(concatMap(project), toArray()))).toEqual(['a', 'b', 'c']);
    expect(running).toEqual(['+a', '-a', '+b', '-b', '+c', '-c']);
  });

  it('has nothing of a piece that was being read when it was unsubscribed from', async () => {
    const { body, store } = await filed(Buffer.from('abc'));
    const project = vi.fn(() => NEVER);
    from(body).pipe(concatMap(project)).subscribe().unsubscribe();
    await body.bytes();
    await macrotask();
    expect(project).not.toHaveBeenCalled();
    store.close();
  });
});
