import { createWriteStream } from 'node:fs';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

import { archive, inDirectory } from '../../../examples/archive.mjs';
import { describePostfix } from '../support/describe-postfix.js';
import { eventually } from '../support/eventually.js';

const UNAVAILABLE = '451 4.3.0 Cannot archive this message, try again later';
const HEADER =
  'From: Alice <alice@src.example>\r\nSubject:a long\r\n\tone\r\nX-Two:  blanks \r\n' +
  'Date: Sun, 1 Mar 2026 09:00:00 +0000\r\nMessage-Id: <1@src.example>\r\n\r\n';

let directory: string;
let reported: unknown[];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'archive-'));
  reported = [];
});
afterEach(() => rm(directory, { recursive: true }));

const report = (error: unknown): void => void reported.push(error);
const filter = (): ReturnType<typeof archive> => archive(inDirectory(directory), report);

/** The copies, and those that are not complete. */
async function copies(): Promise<string[]> {
  const days = await readdir(directory);
  const each = days.map(async (day) =>
    (await readdir(join(directory, day))).map((name) => join(directory, day, name)),
  );
  return (await Promise.all(each)).flat();
}

describePostfix('the archive behind Postfix', (bench) => {
  test.each([
    ['a small mail', `${HEADER}Hello\r\n.\r\n..dots\r\n`],
    ['a mail that has bytes of no character set', Buffer.from(`${HEADER}caf\xe9 \x01\xff\r\n`, 'latin1')],
    ['a mail without a body', HEADER],
    ['a mail of 5 MB', HEADER + `${'x'.repeat(70)}\r\n`.repeat(70_000)],
  ])('has %s as its recipient gets it', async (_what, data) => {
    await bench().serve(filter(), { leadingSpace: true });
    const client = await bench().greeted();
    const reply = await client.deliver({ data, rcpts: ['<bob@dst.example>', '<cid@dst.example>'] });
    const [, id = 'none'] = /queued as (\w+)/.exec(reply) ?? [];
    const { data: got } = await bench().sink.next();

    const [copy = '', ...others] = await copies();
    expect(others).toEqual([]);
    expect(copy).toMatch(new RegExp(`Z-${id}$`));
    // What Postfix itself has put on top.
    const received = /^Received: .*\r\n(?:[ \t].*\r\n)*/.exec(got.toString('latin1'))?.[0] ?? 'none';
    const kept = await readFile(join(copy, 'message.eml'));
    expect(kept.toString('latin1')).toBe(got.toString('latin1', received.length));
    expect(JSON.parse(await readFile(join(copy, 'envelope.json'), 'utf8'))).toEqual({
      client: '127.0.0.1',
      helo: 'client.example',
      sender: 'alice@src.example',
      recipients: ['bob@dst.example', 'cid@dst.example'],
    });
    expect(reported).toEqual([]);
  });

  test('has the client try again later where it cannot write', async () => {
    let dropped = 0;
    await bench().serve(
      archive(
        () => ({
          stream: createWriteStream('/dev/full'),
          keep: () => Promise.resolve(),
          drop: () => {
            dropped++;
            return Promise.resolve();
          },
        }),
        report,
      ),
    );
    const client = await bench().greeted();
    expect(await client.deliver({ data: `${HEADER}Hello\r\n` })).toBe(UNAVAILABLE);
    expect(reported).toEqual([expect.objectContaining({ code: 'ENOSPC' })]);
    expect(dropped).toBe(1);
    expect(bench().sink.kept).toEqual([]);
  });

  test('has nothing of a mail that was not completed', async () => {
    await bench().serve(filter());
    const gone = await bench().greeted();
    for (const command of ['MAIL FROM:<alice@src.example>', 'RCPT TO:<bob@dst.example>', 'DATA']) {
      await gone.command(command);
    }
    gone.write(`${HEADER}${'x'.repeat(70)}\r\n`.repeat(10_000));
    gone.destroy();
    const refused = await bench().greeted();
    expect(await refused.deliver({ data: `${HEADER}Hello\r\n`, rcpts: ['<>'] })).toMatch(/^5/);
    await eventually('an archive without copies', async () => (await copies()).length === 0);
    expect(reported).toEqual([]);
  });
});
