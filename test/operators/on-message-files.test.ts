import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readlinkSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { NEVER, Subject } from 'rxjs';
import {
  edit,
  type Message,
  compose,
  onMessage,
  serve,
  accept,
  addHeader,
  replaceBody,
  type Outcome,
} from 'rxmilter';
import { MtaSession } from 'rxmilter/mta';
import { simulate } from 'rxmilter/testing';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';

import { BodyStore } from '../../src/spool/body-store.js';
import { commandCodec } from '../../src/transport/wire/commands.js';
import { compiled } from '../message/support/compiled.js';
import { openIn } from '../message/support/descriptors.js';
import { inTurn } from '../message/support/in-turn.js';
import { scratch } from '../message/support/scratch.js';
import { asNobody } from '../support/as-nobody.js';
import { link } from '../support/session-link.js';
import { give, mailOf } from './support/mails.js';
import { expectQuiet } from './support/quiet.js';
import { OFFER } from './support/wire.js';

const directoryOf = scratch();
/** More than the default of what is kept in memory; every line is different. */
const BIG = Buffer.from(Array.from({ length: 20_000 }, (_, at) => `line ${at} of a long body\r\n`).join(''));
const limits = { memory: 1000 };

/** Nothing of a message may be left: no name, no open file. */
async function expectNothingIn(directory: string): Promise<void> {
  expect(readdirSync(directory)).toEqual([]);
  await vi.waitFor(() => expect(openIn(directory)).toEqual([]));
}

/** Says a message up to the end of its body. */
async function upToTheBody(mta: Awaited<ReturnType<typeof simulate>>): Promise<void> {
  await mta.mail();
  await mta.rcpt();
  await mta.header();
  await mta.eoh();
  await mta.body(BIG);
}

describe('a message whose body is beyond what is kept in memory', () => {
  expectQuiet();

  it('is in a file without a name as long as it is about, and given back as it came', async () => {
    const directory = directoryOf();
    const filter = onMessage({ directory, limits }, async ({ body }) => {
      expect(openIn(directory)).toHaveLength(1);
      expect(readdirSync(directory)).toEqual([]);
      expect((await body.bytes()).equals(BIG)).toBe(true);
      return replaceBody(body);
    });
    const { body, outcome } = await give(filter, { body: BIG });
    expect([outcome, body.equals(BIG)]).toEqual(['delivered', true]);
    await expectNothingIn(directory);
  });

  it.each([
    ['at the limit is in memory', BIG.length, 0],
    ['of one byte more is in a file', BIG.length - 1, 1],
  ])('%s', async (_name, memory, files) => {
    const directory = directoryOf();
    const seen: number[] = [];
    await give(
      onMessage({ directory, limits: { memory } }, () => void seen.push(openIn(directory).length)),
      { body: BIG },
    );
    expect(seen).toEqual([files]);
  });

  it('needs no file where only its stream or nothing of it is wanted', async () => {
    const directory = directoryOf();
    for (const body of ['stream', 'none'] as const) {
      const filter = onMessage({ body, directory, limits: { memory: 0 } }, async (message) => {
        const whole = message.body;
        if (whole !== undefined && 'readable' in whole) for await (const _piece of whole) continue;
        expect(openIn(directory)).toEqual([]);
      });
      expect((await give(filter, { body: BIG })).outcome).toBe('delivered');
    }
  });

  it('is read and given back piece by piece, changed, through one filter and the next', async () => {
    const directory = directoryOf();
    const shout = onMessage({ directory, limits }, (message) =>
      edit(message, (draft) => {
        draft.body = (async function* () {
          for await (const piece of message.body) yield Buffer.from(piece).toString().toUpperCase();
        })();
      }),
    );
    const turn = onMessage({ directory, limits }, async ({ body }) =>
      replaceBody((await body.text()).replaceAll('LINE', 'row')),
    );
    const { body } = await give(compose(shout, turn), { body: BIG });
    expect(body.toString()).toBe(BIG.toString().toUpperCase().replaceAll('LINE', 'row'));
    await expectNothingIn(directory);
  });

  it('is written while the MTA sends, where it cannot but wait, too', async () => {
    const directory = directoryOf();
    for (const offer of [{ version: 2, actions: 0x3f, protocol: 0x7f }, { version: 6 }]) {
      const filter = onMessage({ directory, limits }, async ({ body }) =>
        addHeader('X-Same', `${(await body.bytes()).equals(BIG)}`),
      );
      const { headers } = await give(filter, { body: BIG }, { offer, chunks: { seed: 3 } });
      expect(headers.at(-1)).toMatchObject({ name: 'X-Same', value: 'true' });
    }
    await expectNothingIn(directory);
  });

  it('is read no further than a few hundred kilobytes while its file is being written', async () => {
    const directory = directoryOf();
    const written: (() => void)[] = [];
    const push = BodyStore.prototype.push;
    const slow = vi.spyOn(BodyStore.prototype, 'push').mockImplementation(async function (
      this: BodyStore,
      chunk,
    ) {
      await push.call(this, chunk);
      await new Promise<void>((resolve) => written.push(resolve));
    });
    onTestFinished(() => slow.mockRestore());
    const sizes: number[] = [];
    const made = link(onMessage({ directory, limits }, ({ body }) => void sizes.push(body.size)));
    const frame = commandCodec.encode({ type: 'body', data: Buffer.alloc(65_535, 'x') });
    made.send(
      commandCodec.encode(OFFER),
      commandCodec.encode({ type: 'mail', address: '<a@a.test>', args: [] }),
    );
    let sent = 0;
    for (; !made.io.paused && sent < 100; sent++) made.send(frame);
    // One is being written, and one goes beyond the bound.
    expect((sent - 2) * 65_535).toBeLessThanOrEqual(262_144);
    for (let at = 0; at < sent; at++) {
      await vi.waitFor(() => expect(written).toHaveLength(at + 1), { interval: 1 });
      expect(made.heard().length).toBe(at === 0 ? 1 : 0);
      written[at]?.();
    }
    await vi.waitFor(() => expect(made.io.paused).toBe(false), { interval: 1 });
    made.send(commandCodec.encode({ type: 'eom', data: Buffer.alloc(0) }));
    await vi.waitFor(() => expect(sizes).toEqual([sent * 65_535]), { interval: 1 });
    expect(made.errors).toEqual([]);
  });

  it('has no file any more when its project has thrown, in whatever way', async () => {
    const directory = directoryOf();
    const ways: ((message: Message) => unknown)[] = [
      () => {
        throw new Error('broken');
      },
      () => Promise.reject(new Error('broken')),
      async ({ body }) => {
        for await (const _piece of body) throw new Error('broken');
      },
      ({ body }) => inTurn(body, () => Promise.reject(new Error('broken'))),
      (message) =>
        edit(message, (draft) => {
          draft.body = message.body.readable().map(() => {
            throw new Error('broken');
          }) as AsyncIterable<string>;
        }),
    ];
    for (const way of ways) {
      const { outcome } = await give(onMessage({ directory, limits }, way as never), { body: BIG });
      expect(outcome).toBe('deferred');
      await expectNothingIn(directory);
    }
  });

  it.each<[string, (mta: Awaited<ReturnType<typeof simulate>>) => unknown]>([
    ['is aborted', (mta) => mta.abort()],
    ['is followed by another', (mta) => mta.mail()],
    ['has its client say EHLO again', (mta) => mta.helo()],
    ['has its client say goodbye', (mta) => mta.quit()],
    ['loses its connection', (mta) => mta.hangUp()],
  ])('has no file any more when it %s, before its end or while it is decided', async (_name, end) => {
    for (const asked of [false, true]) {
      const directory = directoryOf();
      let signal: AbortSignal | undefined;
      const project = vi.fn((_message: Message, context: { readonly signal: AbortSignal }) => {
        ({ signal } = context);
        return NEVER;
      });
      const mta = await simulate(onMessage({ directory, limits }, project));
      await upToTheBody(mta);
      const told = asked ? mta.eom() : undefined;
      if (asked) await vi.waitFor(() => expect(project).toHaveBeenCalled());
      await vi.waitFor(() => expect(openIn(directory)).toHaveLength(1));
      // A command that waits for the answer to the last one would wait forever.
      if (asked) mta.hangUp();
      else await end(mta);
      await told;
      await expectNothingIn(directory);
      expect(project).toHaveBeenCalledTimes(asked ? 1 : 0);
      expect(signal?.aborted).toBe(asked ? true : undefined);
      await mta.close();
    }
  });

  it('has no file any more when its time is up', async () => {
    const directory = directoryOf();
    const mta = await simulate(
      onMessage({ directory, limits }, () => NEVER),
      { session: { timeouts: { eom: 30 } } },
    );
    await upToTheBody(mta);
    expect((await mta.eom()).verdict).toBe('tempfail');
    await expectNothingIn(directory);
    await mta.close();
  });

  it('has no file any more when the server is closed, in the middle of it or while it is decided', async () => {
    for (const asked of [false, true]) {
      const directory = directoryOf();
      const begun = new Subject<void>();
      const project = vi.fn(() => {
        begun.next();
        return NEVER;
      });
      const errors: Error[] = [];
      const server = await serve(onMessage({ directory, limits }, project), {
        listen: 'inet:0@127.0.0.1',
        drainTimeout: 50,
        onError: (error) => errors.push(error),
      });
      const session = await MtaSession.open({ to: server.address });
      const delivery = asked ? session.send(mailOf({ body: BIG })) : undefined;
      if (asked) await vi.waitFor(() => expect(project).toHaveBeenCalled());
      await server.close();
      await delivery;
      await session.close();
      await expectNothingIn(directory);
      expect(errors.length).toBe(asked ? 1 : 0);
    }
  });

  it('is refused as a failure, with words that say what to do, where its file cannot be made', async () => {
    for (const failure of [undefined, accept()]) {
      const outcomes: Outcome[] = [];
      const project = vi.fn();
      const delivery = await give(
        onMessage({ directory: '/nowhere/at/all', limits }, project),
        { body: BIG },
        { outcome: (one) => outcomes.push(one), session: { failure } },
      );
      expect(delivery.outcome).toBe(failure === undefined ? 'deferred' : 'delivered');
      expect(project).not.toHaveBeenCalled();
      const errors = outcomes.flatMap(({ error }) => (error === undefined ? [] : [error]));
      expect(errors).toHaveLength(1);
      expect(errors[0]).toMatchObject({
        message: expect.stringContaining('could not be made in /nowhere/at/all: ENOENT') as string,
        cause: { name: 'BodyFileError', code: 'ENOENT', directory: '/nowhere/at/all' },
      });
      expect(String(errors[0]?.message)).toContain('limits.memory');
    }
  });

  it('is refused in the same way where its directory may not be written to', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'rxmilter-test-'));
    try {
      const outcomes: Outcome[] = [];
      const { outcome } = await asNobody(() =>
        give(
          onMessage({ directory, limits }, vi.fn()),
          { body: BIG },
          { outcome: (one) => outcomes.push(one) },
        ),
      );
      expect(outcome).toBe('deferred');
      expect(outcomes.flatMap(({ error }) => error?.message ?? [])).toEqual([
        expect.stringContaining(`could not be made in ${directory}: EACCES`),
      ]);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  it('is no reason to refuse a message that needs no file', async () => {
    const filter = onMessage({ directory: '/nowhere/at/all' }, ({ body }) => addHeader('X', `${body.size}`));
    expect((await give(filter)).outcome).toBe('delivered');
  });

  it('leaves nothing open after many messages, some of which are aborted', async () => {
    const directory = directoryOf();
    const mta = await simulate(
      compose(
        onMessage({ directory, limits }, (message) =>
          edit(message, (draft) => void (draft.body = message.body.readable())),
        ),
        onMessage({ directory, limits }, async ({ body }) =>
          addHeader('X', `${(await body.bytes()).length}`),
        ),
      ),
    );
    for (let at = 0; at < 10; at++) {
      await upToTheBody(mta);
      if (at % 3 === 0) await mta.abort();
      else expect((await mta.eom()).verdict).toBe('continue');
    }
    await expectNothingIn(directory);
    await mta.close();
  });
});

describe('a process with the file of a message open', () => {
  let code = '';
  const ROOT = fileURLToPath(new URL('../../', import.meta.url));

  beforeAll(() => {
    code = mkdtempSync(join(tmpdir(), 'rxmilter-test-'));
    compiled('operators/on-message.ts', code);
    compiled('mta/simulate/deliver.ts', code);
    symlinkSync(join(ROOT, 'node_modules'), join(code, 'node_modules'));
  }, 60_000);

  afterAll(() => {
    rmSync(code, { recursive: true });
  });

  /** A program that has a message looked at by `project`, and says what becomes of it. */
  function program(project: string): string[] {
    const text = `
      import { onMessage } from ${JSON.stringify(join(code, 'operators/on-message.js'))};
      import { deliver } from ${JSON.stringify(join(code, 'mta/simulate/deliver.js'))};
      const directory = process.argv[1];
      const filter = onMessage({ directory, limits: { memory: 0 } }, ${project});
      const errors = [];
      setInterval(() => {}, 1e6);
      const { outcome } = await deliver(
        { sender: 'a@a.test', recipients: ['b@b.test'], body: Buffer.alloc(3_000_000, 'x') },
        { to: filter, outcome: ({ error }) => error && errors.push(error.message) },
      );
      process.stdout.write(JSON.stringify({ outcome, errors }));
      process.exit();
    `;
    return ['--input-type=module', '-e', text];
  }

  it('leaves nothing when it is killed', async () => {
    const directory = directoryOf();
    const child = spawn(
      process.execPath,
      [...program(`() => { process.stdout.write('asked'); return new Promise(() => {}); }`), directory],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    const exit = once(child, 'exit');
    await once(child.stdout, 'data');
    const place = `/proc/${child.pid}/fd`;
    if (existsSync(place)) {
      const open = readdirSync(place).map((one) => readlinkSync(join(place, one)));
      expect(open.filter((path) => path.startsWith(directory))).toEqual([
        expect.stringMatching(/ \(deleted\)$/),
      ]);
    }
    expect(readdirSync(directory)).toEqual([]);
    child.kill('SIGKILL');
    expect((await exit)[1]).toBe('SIGKILL');
    expect(readdirSync(directory)).toEqual([]);
  });

  it.each([
    ['exits', '() => process.exit(3)', 3],
    [
      'fails elsewhere',
      `() => { setImmediate(() => { throw new Error('elsewhere'); }); return new Promise(() => {}); }`,
      1,
    ],
  ])('leaves nothing when it %s', (_name, project, status) => {
    const directory = directoryOf();
    const ended = spawnSync(process.execPath, [...program(project), directory], { timeout: 20_000 });
    expect(ended.status).toBe(status);
    expect(readdirSync(directory)).toEqual([]);
  });

  it('puts a message off, and says why, where there is no room for it', () => {
    const directory = directoryOf();
    // A process that may write files of 512 blocks, of 512 or 1024 bytes each, and is told of that by an error only.
    const limited = `trap '' XFSZ; ulimit -f 512 && exec "$@"`;
    const { stdout } = spawnSync(
      'sh',
      [
        '-c',
        limited,
        'sh',
        process.execPath,
        ...program(`() => { process.stdout.write('asked'); }`),
        directory,
      ],
      { encoding: 'utf8', timeout: 20_000 },
    );
    expect(JSON.parse(stdout)).toEqual({
      outcome: 'deferred',
      errors: [expect.stringMatching(/The file for the body of a message could not be written in .*EFBIG/)],
    });
    expect(readdirSync(directory)).toEqual([]);
  });
});
