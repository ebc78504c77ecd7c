import {
  addHeader,
  compose,
  observe,
  on,
  perMessage,
  reject,
  replaceBody,
  tempfail,
  type SessionOptions,
} from 'rxmilter';
import { compareReplies, readRecording, record } from 'rxmilter/recording';
import { expect, test } from 'vitest';

import { describeMtas } from '../support/describe-mtas.js';

const filter = perMessage(() => {
  let bytes = 0;
  return compose(
    on('mail', ({ address }) => address.startsWith('later@') && tempfail('Not now')),
    on(
      'rcpt',
      ({ address }) =>
        address.startsWith('nobody@') && reject({ code: 550, enhanced: '5.1.1', text: 'Who?' }),
    ),
    observe('body', ({ chunk }) => void (bytes += chunk.length)),
    on('eom', async ({ session }) => {
      await Promise.resolve();
      const queueId = session.macros.get('i') === undefined ? 'none' : 'known';
      return [addHeader('X-Bytes', `${bytes} ${queueId} ${session.mta}`), replaceBody('new\r\n')];
    }),
  );
});

describeMtas('a recording', (bench) => {
  test.each<[string, SessionOptions]>([
    ['with what the filter wants', {}],
    [
      'with every event, each answered',
      { noReply: false, stages: ['connect', 'helo', 'data', 'header', 'eoh'] },
    ],
  ])('is answered by the same filter as it was behind the server, %s', async (_what, options) => {
    const lines: string[] = [];
    await bench().serve(filter, { ...options, trace: record((line) => lines.push(line)) });
    const client = await bench().greeted();
    const data = `Subject: caf\xe9\r\nX-Folded: one\r\n\ttwo\r\n\r\n${'Body.\r\n'.repeat(20_000)}`;
    expect(await client.command('MAIL FROM:<later@src.example>')).toMatch(/^451 /);
    await client.command('MAIL FROM:<alice@src.example> BODY=8BITMIME');
    expect(await client.command('RCPT TO:<nobody@dst.example>')).toMatch(/^550 /);
    await client.command('RSET');
    for (let message = 0; message < 2; message++) {
      expect(await client.deliver({ data: Buffer.from(data, 'latin1') })).toMatch(/^250 /);
    }
    await client.command('QUIT');
    await bench().idle();

    const { sessions, truncated } = readRecording(lines.join(''));
    expect(truncated).toEqual([]);
    expect(sessions).toHaveLength(1);
    for (const session of sessions) {
      const refusals = session.frames.filter(({ message }) => message.type === 'replycode');
      const ends = session.frames.filter(
        ({ message }) => message.type === 'addHeader' || message.type === 'insertHeader',
      );
      expect([refusals.length, ends.length]).toEqual([2, 2]);
      expect(await compareReplies(session, filter, options)).toEqual([]);
      const other = await compareReplies(
        session,
        compose(
          filter,
          on('eom', () => reject()),
        ),
        options,
      );
      expect(other.map(({ event }) => event)).toEqual(['eom', 'eom']);
    }
  });
});
