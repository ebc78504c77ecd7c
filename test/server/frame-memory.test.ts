import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { observe, serve, type Outcome } from 'rxmilter';
import { describe, expect, it, onTestFinished } from 'vitest';

import { compiled } from '../message/support/compiled.js';
import { frame, optneg, said } from '../support/session-frames.js';
import { socketMta, type SocketMta } from '../support/session-mta.js';

/** A header of as many data bytes as there may be. */
const LONGEST = frame('L', `X\0${'x'.repeat(65_535 - 3)}\0`);
const CUT = LONGEST.subarray(0, -1);
const LAST = LONGEST.subarray(-1);
/** Offers frames of 1 MiB, too. */
const OFFER = optneg(6, 0x1ff, 0x301fffff);
const BEYOND = /^The unfinished frames of all connections took more than \d+ bytes, and the one of this/;

async function serving(maxFrameMemory?: number) {
  const seen: number[] = [];
  const outcomes: Outcome[] = [];
  const server = await serve(
    observe('header', ({ value }) => void seen.push(value.length)),
    {
      listen: 'inet:0@127.0.0.1',
      maxFrameMemory,
      onError: (_error, outcome) => void outcomes.push(outcome),
    },
  );
  onTestFinished(() => server.destroy());
  const mta = async (): Promise<SocketMta> => {
    const made = await socketMta(server.address);
    await made.ask(OFFER);
    return made;
  };
  return { seen, outcomes, mta };
}

describe('unfinished frames', () => {
  it('of all connections beyond their limit cost the one that is unfinished for longest, and no other', async () => {
    const { seen, outcomes, mta } = await serving(3 * 65_535);
    const slow = [await mta(), await mta(), await mta(), await mta(), await mta()];
    const good = await mta();
    for (const each of slow) {
      each.send(CUT);
      // Answered after it, so that what came before is there.
      await good.ask('C19', 'C26');
    }
    const [first, second, ...others] = slow;
    await Promise.all([first?.closed, second?.closed]);
    expect(outcomes.map(({ stage, error }) => [stage, error?.message])).toEqual([
      ['close', expect.stringMatching(BEYOND)],
      ['close', expect.stringMatching(BEYOND)],
    ]);
    seen.length = 0;
    for (const each of others) {
      each.send(LAST);
      expect(await each.ask('C26')).toEqual(said('R03'));
    }
    expect(seen).toEqual([65_532, 65_532, 65_532]);
  });

  it('that have ended count no more, nor do those of connections that are over', async () => {
    const { seen, outcomes, mta } = await serving(2 * 65_535);
    for (let times = 0; times < 3; times++) {
      const one = await mta();
      one.send(CUT);
      one.send(LAST);
      await one.ask('C26');
      one.send(CUT);
      await (await mta()).ask('C26');
      one.socket.destroy();
      await one.closed;
    }
    const [two, three] = [await mta(), await mta()];
    for (const each of [two, three]) each.send(CUT);
    await (await mta()).ask('C26');
    for (const each of [two, three]) {
      each.send(LAST);
      await each.ask('C26');
    }
    expect(seen).toHaveLength(5);
    expect(outcomes.filter(({ error }) => BEYOND.test(error?.message ?? ''))).toEqual([]);
  });

  it.each([
    [65_534, 'maxFrameMemory is 65534; it has to hold one frame at least, 65535 bytes.'],
    [-1, 'serve(): maxFrameMemory is -1; it has to be a whole number from 1 on.'],
    [1.5, 'serve(): maxFrameMemory is 1.5; it has to be a whole number from 1 on.'],
    [NaN, 'serve(): maxFrameMemory is NaN; it has to be a whole number from 1 on.'],
  ])('cannot be limited to %d bytes', async (maxFrameMemory, words) => {
    await expect(
      serve(
        observe('header', () => undefined),
        { listen: 'inet:0@127.0.0.1', maxFrameMemory },
      ),
    ).rejects.toThrow(new RangeError(words));
  });

  const SERVER = `
    const { serve, observe } = await import(process.argv[1]);
    let errors = 0;
    await serve(observe('header', () => undefined), { listen: { path: process.argv[2] }, onError: () => errors++ });
    const say = () => { globalThis.gc(); console.log(Math.round(process.memoryUsage().rss / 1e6), errors); };
    process.stdin.on('data', say);
    say();
  `;

  it('of 1 250 connections take a bounded amount of memory', { timeout: 120_000 }, async () => {
    const cache = fileURLToPath(new URL('../../node_modules/.cache/', import.meta.url));
    mkdirSync(cache, { recursive: true });
    const made = mkdtempSync(join(cache, 'memory-'));
    const place = mkdtempSync(join(tmpdir(), 'memory-'));
    const path = join(place, 's');
    const child = spawn(
      process.execPath,
      ['--expose-gc', '--input-type=module', '-e', SERVER, '--', compiled('index.ts', made), path],
      { stdio: ['pipe', 'pipe', 'inherit'] },
    );
    onTestFinished(() => {
      child.kill('SIGKILL');
      for (const each of [made, place]) rmSync(each, { recursive: true });
    });
    const lines = createInterface(child.stdout)[Symbol.asyncIterator]() as AsyncIterator<string, undefined>;
    const state = async (): Promise<number[]> => ((await lines.next()).value ?? '').split(' ').map(Number);
    const [before = 0] = await state();

    const mtas: SocketMta[] = [];
    for (let count = 0; count < 1_250; count++) {
      const mta = await socketMta(`unix:${path}`);
      mtas.push(mta);
      await mta.ask(OFFER);
      mta.send(CUT);
    }
    const good = await socketMta(`unix:${path}`);
    await good.ask(OFFER);
    expect(await good.ask('C26')).toEqual(said('R03'));
    child.stdin.write('say\n');
    const [after = Infinity, errors] = await state();
    for (const mta of mtas) mta.socket.destroy();
    // 64 MiB of frames, and what a connection takes apart from them.
    expect(after - before).toBeLessThan(220);
    // As many frames as that holds are there, and all connections before them are gone.
    expect(errors).toBe(1_250 - Math.floor(67_108_864 / 65_535));
  });
});
