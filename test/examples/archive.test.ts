import { createWriteStream } from 'node:fs';
import { mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { compose, on, reject, skip, tempfail } from 'rxmilter';
import { deliver, type Delivery, formatReply, type ClientMail } from 'rxmilter/mta';
import { simulate, type SimulateOptions, type Simulation } from 'rxmilter/testing';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';

import { archive, inDirectory } from '../../examples/archive.mjs';

const MAIL: ClientMail = {
  client: { address: '198.51.100.7' },
  helo: 'mail.example.net',
  auth: { user: 'carol' },
  sender: 'carol@example.net',
  recipients: ['bob@example.org', { address: 'dave@example.org', args: ['NOTIFY=NEVER'] }],
  headers: [
    ['From', 'Carol <carol@example.net>'],
    ['Subject', 'a long\r\n one, folded'],
    ['X-No-Blank', '', Buffer.from('close')],
    ['X-Two-Blanks', '', Buffer.from('  far')],
    ['X-Bytes', Buffer.from('caf\xe9', 'latin1')],
  ],
  body: 'Hello Bob\n\n.\n..\nBye\n',
};
const UNAVAILABLE = '451 4.3.0 Cannot archive this message, try again later';

let directory: string;
let reported: unknown[];
const report = (error: unknown): void => void reported.push(error);

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'archive-'));
  reported = [];
});
afterEach(async () => {
  vi.useRealTimers();
  await rm(directory, { recursive: true });
});

/** The files below the directory, and the directories that are incomplete or empty. */
async function left(): Promise<string[]> {
  const all = await readdir(directory, { recursive: true, withFileTypes: true });
  const days = all.filter((entry) => entry.parentPath === directory && entry.isDirectory());
  return all.filter((entry) => !days.includes(entry)).map((entry) => join(entry.parentPath, entry.name));
}

/** What there is of the only copy. */
async function copy(): Promise<{ message: Buffer; envelope: unknown; place: string }> {
  const [place = '', ...files] = (await left()).sort();
  expect(files).toEqual([join(place, 'envelope.json'), join(place, 'message.eml')]);
  const envelope: unknown = JSON.parse(await readFile(join(place, 'envelope.json'), 'utf8'));
  return { message: await readFile(join(place, 'message.eml')), envelope, place };
}

/** The message without the field that the MTA has put above everything. */
function asItCame({ message }: Delivery): Buffer {
  return Buffer.from(message.toString('latin1').replace(/^Received: .*\r\n(?:[ \t].*\r\n)*/, ''), 'latin1');
}

describe.each(['postfix', 'sendmail'] as const)('the archive behind %s', (mta) => {
  const send = async (mail: ClientMail, to = archive(inDirectory(directory), report)): Promise<Delivery> => {
    const errors: unknown[] = [];
    const delivery = await deliver(mail, {
      to,
      mta,
      session: { leadingSpace: true },
      outcome: ({ error }) => error && errors.push(error),
    });
    expect(delivery.failure).toBeUndefined();
    expect(errors).toEqual([]);
    return delivery;
  };

  it('has a copy of each mail, byte for byte as it came, and its envelope', async () => {
    // Sendmail would add these where they are missing.
    const headers = [
      ...(MAIL.headers ?? []),
      ['Date', 'Sun, 1 Mar 2026 09:00:00 +0000'],
      ['Message-Id', '<1@a.example>'],
    ] as const;
    const delivery = await send({ ...MAIL, headers });
    expect(delivery.outcome).toBe('delivered');
    const { message, envelope, place } = await copy();
    expect(message.toString('latin1')).toBe(asItCame(delivery).toString('latin1'));
    expect(message.toString('latin1')).toContain(
      '\r\nX-No-Blank:close\r\nX-Two-Blanks:  far\r\nX-Bytes: caf\xe9\r\n',
    );
    expect(envelope).toEqual({
      client: '198.51.100.7',
      helo: 'mail.example.net',
      user: 'carol',
      sender: 'carol@example.net',
      recipients: ['bob@example.org', 'dave@example.org'],
    });
    const [, id, other] =
      /(?:queued as (\w+)|(\w+) Message accepted)/.exec(formatReply(delivery.reply)) ?? [];
    expect(place).toMatch(new RegExp(`/\\d{4}-\\d\\d-\\d\\d/\\d{6}\\.\\d{3}Z-${id ?? other ?? 'none'}$`));
    expect(((await stat(place)).mode & 0o777).toString(8)).toBe('700');
  });

  it('has a copy of a mail without a header, and of one without anything', async () => {
    for (const body of ['Hello\n', '']) {
      await send({ sender: '', recipients: ['bob@example.org'], headers: [], body });
      const { message, place } = await copy();
      expect(message.toString()).toBe(`\r\n${body.replace('\n', '\r\n')}`);
      await rm(place, { recursive: true });
    }
  });

  it('has the recipients that nobody has refused, and nothing of a mail that was', async () => {
    const picky = on('rcpt', ({ address }) => address.startsWith('dave') && reject('Not him'));
    await send(MAIL, compose(picky, archive(inDirectory(directory), report)));
    const { envelope, place } = await copy();
    expect(envelope).toMatchObject({ recipients: ['bob@example.org'] });
    await rm(place, { recursive: true });

    for (const stage of ['mail', 'data', 'header', 'eoh', 'body', 'eom'] as const) {
      const strict = on(stage, () => tempfail('Not now'));
      const { outcome } = await send(MAIL, compose(strict, archive(inDirectory(directory), report)));
      expect(outcome).toBe('deferred');
      await vi.waitFor(async () => expect(await left()).toEqual([]));
    }
    expect(reported).toEqual([]);
  });

  it('puts mail off of which another filter has the MTA leave out the rest', async () => {
    const body = 'line\n'.repeat(50_000);
    const to = compose(
      on('body', () => skip()),
      archive(inDirectory(directory), report),
    );
    const { reply } = await send({ ...MAIL, body }, to);
    expect([formatReply(reply), await left()]).toEqual([UNAVAILABLE, []]);
    expect(reported).toEqual([new Error('Another filter has the MTA leave out the rest of the body')]);
  });

  it('puts mail off that it cannot open a copy for', async () => {
    const file = join(directory, 'file');
    await writeFile(file, '');
    const { outcome, reply } = await send(MAIL, archive(inDirectory(file), report));
    expect([outcome, formatReply(reply)]).toEqual(['deferred', UNAVAILABLE]);
    expect(reported).toEqual([expect.objectContaining({ code: expect.stringMatching(/ENOTDIR|EEXIST/) })]);
  });

  it('puts mail off that does not fit onto the disk, and drops what there is of it', async () => {
    const done: string[] = [];
    const full = archive(
      () => ({
        stream: createWriteStream('/dev/full'),
        keep: () => Promise.resolve(void done.push('kept')),
        drop: () => Promise.resolve(void done.push('dropped')),
      }),
      report,
    );
    const { outcome, reply } = await send({ ...MAIL, body: 'x'.repeat(1_000_000) }, full);
    expect([outcome, formatReply(reply)]).toEqual(['deferred', UNAVAILABLE]);
    expect(reported).toEqual([expect.objectContaining({ code: 'ENOSPC' })]);
    expect(done).toEqual(['dropped']);
  });

  it('puts mail off whose copy cannot be kept, even where it cannot be dropped either', async () => {
    const [kept, dropped] = [new Error('not kept'), new Error('not dropped')];
    const failing = archive(
      () => ({
        stream: new Writable({ write: (_chunk, _encoding, done) => done() }),
        keep: () => Promise.reject(kept),
        drop: () => Promise.reject(dropped),
      }),
      report,
    );
    expect(formatReply((await send(MAIL, failing)).reply)).toBe(UNAVAILABLE);
    expect(reported).toEqual([dropped, kept]);
  });
});

describe('the archive, while a mail arrives,', () => {
  /** A simulation that has come to the body of a mail. */
  async function begun(
    options: SimulateOptions = {},
    filter = archive(inDirectory(directory), report),
  ): Promise<Simulation> {
    const mta = await simulate(filter, options);
    onTestFinished(() => mta.close());
    await mta.eoh();
    return mta;
  }

  it('takes no name from outside that leads elsewhere', async () => {
    const mta = await begun({ macros: { i: '../../evil' } });
    await mta.eom();
    expect((await copy()).place).toMatch(/Z-[\da-f]{8}-[\da-f-]{27}$/);
  });

  it('never replaces a copy by another', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: new Date('2026-03-01T09:00:00Z') });
    const mta = await begun({ macros: { i: 'SAME' } });
    await mta.eom();
    const first = await copy();
    expect(first.place).toBe(join(directory, '2026-03-01', '090000.000Z-SAME'));
    const other = await begun({ macros: { i: 'SAME' } });
    await other.body('Another\r\n');
    const { reply } = await other.eom();
    expect(reply && formatReply(reply)).toBe(UNAVAILABLE);
    expect(reported).toEqual([expect.objectContaining({ code: 'ENOTEMPTY' })]);
    expect(await copy()).toEqual(first);
  });

  it('removes what there is of it when it is aborted, and goes on with the next', async () => {
    const mta = await begun();
    await mta.body('Hello\r\n');
    expect(await left()).toContainEqual(expect.stringMatching(/\.incomplete$/));
    await mta.abort();
    await vi.waitFor(async () => expect(await left()).toEqual([]));
    await mta.body('Hello again\r\n');
    expect((await mta.eom()).verdict).toBe('continue');
    expect((await copy()).message.toString()).toBe('\r\nHello again\r\n');
    expect(reported).toEqual([]);
    expect(mta.outcomes.filter(({ error }) => error !== undefined)).toEqual([]);
  });

  it('removes what there is of it when the connection is lost', async () => {
    const mta = await begun();
    await mta.body('Hello\r\n');
    mta.hangUp();
    await vi.waitFor(async () => expect(await left()).toEqual([]));
    expect(reported).toEqual([]);
  });

  it('has the MTA wait for a slow disk', async () => {
    let written: () => void = () => undefined;
    let bytes = 0;
    const stream = new Writable({
      highWaterMark: 1,
      write: (chunk: Buffer, _encoding, done) => {
        bytes += chunk.length;
        written = done;
      },
    });
    const nothing = (): Promise<void> => Promise.resolve();
    const mta = await begun(
      {},
      archive(() => ({ stream, keep: nothing, drop: nothing }), report),
    );
    let answered = 0;
    const pieces = Array.from({ length: 50 }, async () => {
      await mta.body('x'.repeat(60_000));
      answered++;
    });
    for (let n = 0; n < 100; n++) await turn();
    expect(answered).toBeLessThan(10);
    const waiting = setInterval(() => written(), 0);
    onTestFinished(() => clearInterval(waiting));
    await Promise.all(pieces);
    expect((await mta.eom()).verdict).toBe('continue');
    expect(bytes).toBe(50 * 60_000 + 2);
  });

  it('takes no mail before its copy is kept', async () => {
    const steps: string[] = [];
    let keep: () => void = () => undefined;
    const kept = new Promise<void>((resolve) => (keep = resolve));
    const stream = new Writable({
      write: (_chunk, _encoding, done) => done(),
      final: (done) => {
        steps.push('written');
        done();
      },
    });
    const mta = await begun(
      {},
      archive(() => ({ stream, keep: () => kept, drop: () => Promise.resolve() }), report),
    );
    const told = mta.eom().then(({ verdict }) => steps.push(verdict));
    await vi.waitFor(() => expect(steps).toEqual(['written']));
    for (let n = 0; n < 100; n++) await turn();
    steps.push('kept');
    keep();
    await told;
    expect(steps).toEqual(['written', 'kept', 'continue']);
  });

  it('drops a copy that was kept when nobody waits for it any more', async () => {
    let kept = false;
    let go: () => void = () => undefined;
    const slow = new Promise<void>((resolve) => (go = resolve));
    const open = inDirectory(directory);
    const mta = await begun(
      {},
      archive(async (message) => {
        const { keep, ...copy } = await open(message);
        const keepSlowly = async (): Promise<void> => {
          await keep();
          kept = true;
          await slow;
        };
        return { ...copy, keep: keepSlowly };
      }, report),
    );
    const told = mta.eom();
    await vi.waitFor(() => expect(kept).toBe(true));
    expect(await left()).toHaveLength(3);
    mta.hangUp();
    expect((await told).verdict).toBe('lost');
    go();
    await vi.waitFor(async () => expect(await left()).toEqual([]));
    expect(reported).toEqual([]);
  });

  it('does not wait for a disk that hangs when nobody waits for it any more', async () => {
    let dropped = 0;
    const stream = new Writable({ write: (_chunk, _encoding, done) => done(), final: () => undefined });
    const drop = (): Promise<void> => {
      dropped++;
      return Promise.resolve();
    };
    const mta = await begun(
      {},
      archive(() => ({ stream, keep: () => Promise.resolve(), drop }), report),
    );
    const told = mta.eom();
    await vi.waitFor(() => expect(stream.writableEnded).toBe(true));
    mta.hangUp();
    expect((await told).verdict).toBe('lost');
    await vi.waitFor(() => expect(dropped).toBe(1));
    expect(reported).toEqual([]);
  });
});
