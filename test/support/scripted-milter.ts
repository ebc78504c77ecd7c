import { createServer, type Socket, type AddressInfo } from 'node:net';

import { frames, hex } from './vectors.js';

/** What a scripted milter does on a frame: ids of vectors, hexadecimal bytes, or something of its own. */
export type Act = string | readonly string[] | ((socket: Socket, data: Buffer, count: number) => void);

/** What it does on each letter; `''` is silence. A letter that is not there gets `R03` (continue). */
export type Script = Readonly<Record<string, Act>>;

/** A milter that knows nothing but its script: it speaks bytes, and keeps what it is told. */
export interface ScriptedMilter extends AsyncDisposable {
  readonly address: string;
  /** The letters it was told, one string a connection; macros as `D` and the letter they belong to. */
  readonly heard: string[];
  /** Every frame it was told but macros, in hexadecimal. */
  readonly frames: string[];
  /** The macro frames. */
  readonly macros: string[];
  /** How many connections are open now. */
  readonly open: number;
}

/** Every right, every event, every reply; no features. */
export const PLAIN_ANSWER = '0000000d4f 00000006 000001ff 00000000';

/** Starts a scripted milter on a port of the loopback address, a free one if none is given, or on a path. */
export async function scriptedMilter(script: Script = {}, at: number | string = 0): Promise<ScriptedMilter> {
  const heard: string[] = [];
  const told: string[] = [];
  const macros: string[] = [];
  const sockets = new Set<Socket>();
  const acts: Script = { O: PLAIN_ANSWER, D: '', A: '', Q: (socket) => socket.end(), ...script };
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
    const connection = heard.push('') - 1;
    const counts = new Map<string, number>();
    let rest = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk]);
      while (rest.length >= 4 && rest.length >= 4 + rest.readUInt32BE(0)) {
        const frame = rest.subarray(0, 4 + rest.readUInt32BE(0));
        rest = rest.subarray(frame.length);
        const letter = frame.toString('latin1', 4, 5);
        const data = frame.subarray(5);
        const count = (counts.get(letter) ?? 0) + 1;
        counts.set(letter, count);
        heard[connection] =
          (heard[connection] ?? '') + (letter === 'D' ? `D${data.toString('latin1', 0, 1)}` : letter);
        (letter === 'D' ? macros : told).push(frame.toString('hex'));
        act(acts[letter] ?? 'R03', socket, data, count);
      }
    });
  });
  await new Promise<void>((resolve) => {
    if (typeof at === 'string') server.listen(at, resolve);
    else server.listen(at, '127.0.0.1', resolve);
  });
  return {
    address:
      typeof at === 'string' ? `unix:${at}` : `inet:${(server.address() as AddressInfo).port}@127.0.0.1`,
    heard,
    frames: told,
    macros,
    get open() {
      return sockets.size;
    },
    [Symbol.asyncDispose]: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

function act(what: Act, socket: Socket, data: Buffer, count: number): void {
  if (typeof what === 'function') return what(socket, data, count);
  const bytes = (typeof what === 'string' ? [what] : what).map((one) =>
    /^[CR]\d\d$/.test(one) ? frames(one) : hex(one),
  );
  const all = Buffer.concat(bytes);
  if (all.length > 0) socket.write(all);
}

/** A reply frame from its letter and data, for what no vector has. */
export function replyFrame(letter: string, data: string): string {
  const bytes = Buffer.from(`\0\0\0\0${letter}${data}`, 'latin1');
  bytes.writeUInt32BE(bytes.length - 4);
  return bytes.toString('hex');
}

/** An answer to the offer. */
export function optnegAnswer(protocol: number, actions = 0x1ff, version = 6): string {
  const words = Buffer.alloc(12);
  [version, actions, protocol].forEach((word, at) => words.writeUInt32BE(word >>> 0, 4 * at));
  return replyFrame('O', words.toString('latin1'));
}

/** Answers an offer as a good milter does: with the rights that are offered, or these, and no flags, or these. */
export function agree(socket: Socket, data: Buffer, actions = data.readUInt32BE(4), protocol = 0): void {
  socket.write(Buffer.from(optnegAnswer(protocol, actions, Math.min(6, data.readUInt32BE(0))), 'hex'));
}

/** The beginning of a script that breaks no rule of the protocol. */
export const GOOD: Script = { O: (socket, data) => agree(socket, data), K: '' };
