import { createHash } from 'node:crypto';
import {
  addHeader,
  compose,
  observe,
  on,
  perConnection,
  perMessage,
  reject,
  skip,
  type Filter,
  type MilterEvent,
} from 'rxmilter';
import { describe, expect, test } from 'vitest';

import { describeMiltertest } from '../support/describe-miltertest.js';
import { noting } from '../support/noting.js';
import { stages } from '../support/stages.js';

const MESSAGE = ['mail', 'rcpt', 'data', 'header', 'eoh', 'body', 'eom'] as const;

/** Writes into each message which of its own events it was shown. */
function tracing(): Filter {
  return perMessage(() => {
    const seen: string[] = [];
    return compose(
      observe(['mail', 'rcpt', 'data', 'header', 'eoh', 'body'], ({ stage }) => void seen.push(stage)),
      on('eom', () => addHeader('X-Trace', seen.join(' '))),
    );
  });
}
const WHOLE = `mta:asked('HDRADD', 'X-Trace', 'mail rcpt data header eoh body')`;

describeMiltertest('conversations, with miltertest', (bench) => {
  describe.each(['inet', 'unix'] as const)('over %s', (endpoint) => {
    test('three messages on a connection have nothing in common', async () => {
      await bench().play(
        perConnection(() => {
          let messages = 0;
          return perMessage(() => {
            const rcpts: string[] = [];
            return compose(
              observe('rcpt', ({ address }) => void rcpts.push(address)),
              on('eom', () => addHeader('X-Rcpts', `${++messages}: ${rcpts.join(' ')}`)),
            );
          });
        }),
        `
        local mta = open()
        mta:reach('rcpt')
        mta:pass('rcpt', '<ann@dst.example>')
        mta:pass('rcpt', '<bob@dst.example>')
        mta:finish()
        mta:asked('HDRADD', 'X-Rcpts', '1: ann@dst.example bob@dst.example')
        mta:reach('rcpt')
        mta:pass('rcpt', '<cid@dst.example>')
        mta:finish()
        mta:asked('HDRADD', 'X-Rcpts', '2: cid@dst.example')
        -- as Postfix does after every message
        mta:abort()
        mta:reach('rcpt')
        mta:pass('rcpt', '<dan@dst.example>')
        mta:finish()
        mta:asked('HDRADD', 'X-Rcpts', '3: dan@dst.example')
        mta:close()`,
        { listen: bench().endpoints[endpoint] },
      );
    });

    test('two connections, of which each has its own message in progress', async () => {
      await bench().play(
        perMessage(() => {
          let sender = '';
          return compose(
            observe('mail', ({ address }) => void (sender = address)),
            on('eom', ({ session }) => addHeader('X-From', `${session.helo ?? ''} ${sender}`)),
          );
        }),
        `
        local one, two = open(), open()
        one:pass('connect') two:pass('connect')
        one:pass('helo', 'one.example') two:pass('helo', 'two.example')
        one:pass('mail', '<ann@src.example>') two:pass('mail', '<bob@src.example>')
        two:finish()
        two:asked('HDRADD', 'X-From', 'two.example bob@src.example')
        two:close()
        one:finish()
        one:asked('HDRADD', 'X-From', 'one.example ann@src.example')
        one:close()`,
        { listen: bench().endpoints[endpoint] },
      );
    });
  });

  describe('ABORT', () => {
    test.each(MESSAGE.slice(0, -1))('after %s: the next message starts clean', async (stage) => {
      const seen: MilterEvent[] = [];
      await bench().play(
        compose(noting(seen), tracing()),
        `
        local mta = open()
        mta:reach('${stage}')
        mta:pass('${stage}')
        mta:abort()
        mta:finish()
        ${WHOLE}
        mta:close()`,
      );

      const reached = MESSAGE.slice(0, MESSAGE.indexOf(stage) + 1);
      expect(stages(seen)).toEqual(['connect', 'helo', ...reached, 'abort', ...MESSAGE, 'close']);
    });

    test('where there is no message, and several in a row: is nothing', async () => {
      const seen: MilterEvent[] = [];
      await bench().play(
        compose(noting(seen), tracing()),
        `
        local mta = open()
        mta:abort()
        mta:reach('mail')
        mta:abort() mta:abort()
        mta:finish()
        ${WHOLE}
        mta:abort() mta:abort()
        mta:finish()
        ${WHOLE}
        mta:close()`,
      );

      expect(stages(seen)).toEqual(['connect', 'helo', ...MESSAGE, ...MESSAGE, 'close']);
    });

    test('forgets neither the client nor its name', async () => {
      await bench().play(
        on('eom', ({ session: { client, helo } }) =>
          addHeader('X-Client', `${client.host} ${client.address} ${helo ?? ''}`),
        ),
        `
        local mta = open()
        mta:pass('connect', 'client.example', '192.0.2.1')
        mta:pass('helo', 'helo.example')
        mta:reach('data')
        mta:abort()
        mta:finish()
        mta:asked('HDRADD', 'X-Client', 'client.example 192.0.2.1 helo.example')
        mta:close()`,
      );
    });
  });

  describe('a message in progress', () => {
    test.each(MESSAGE.slice(0, -1))('is over with a new MAIL after %s', async (stage) => {
      const seen: MilterEvent[] = [];
      await bench().play(
        compose(noting(seen), tracing()),
        `
        local mta = open()
        mta:reach('${stage}')
        mta:pass('${stage}')
        mta:next_message()
        mta:finish()
        ${WHOLE}
        mta:close()`,
      );

      expect(stages(seen).filter((name) => name === 'abort')).toHaveLength(1);
    });

    test('is over with a new HELO', async () => {
      const seen: MilterEvent[] = [];
      await bench().play(
        compose(noting(seen), tracing()),
        `
        local mta = open()
        mta:reach('data')
        mta:pass('helo', 'again.example')
        mta:finish()
        ${WHOLE}
        mta:close()`,
      );

      expect(stages(seen)).toEqual([
        ...['connect', 'helo', 'mail', 'rcpt', 'abort', 'helo'],
        ...[...MESSAGE, 'close'],
      ]);
    });

    test.each(['close', 'hang_up'])('is over with the connection, by mta:%s()', async (end) => {
      const seen: MilterEvent[] = [];
      await bench().play(
        compose(noting(seen), tracing()),
        `local mta = open() mta:reach('eoh') mta:${end}()`,
      );

      expect(stages(seen)).toEqual(['connect', 'helo', 'mail', 'rcpt', 'data', 'header', 'abort', 'close']);
    });
  });

  describe('the client', () => {
    test.each([
      ['192.0.2.7', { family: 'inet', address: '192.0.2.7' }],
      ['2001:db8::7', { family: 'inet6', address: '2001:db8::7' }],
      ['unspec', { family: 'unknown', address: '' }],
    ])('at %s', async (address, client) => {
      const seen: MilterEvent[] = [];
      await bench().play(
        noting(seen),
        `
        local mta = open()
        mta:pass('connect', 'mail.example', '${address}')
        mta:finish()
        mta:close()`,
      );

      expect(seen[0]).toMatchObject({ stage: 'connect', host: 'mail.example', ...client });
    });
  });

  test('arguments of the envelope come one by one', async () => {
    const seen: MilterEvent[] = [];
    await bench().play(
      noting(seen),
      `
      local mta = open()
      mta:reach('mail')
      mta:pass('mail', '<>', 'SIZE=1234', 'BODY=8BITMIME')
      mta:pass('rcpt', '<bob@dst.example>', 'NOTIFY=NEVER')
      mta:pass('rcpt', 'cid@dst.example')
      mta:finish()
      mta:close()`,
    );

    expect(seen.filter(({ stage }) => stage === 'mail' || stage === 'rcpt')).toMatchObject([
      { address: '', args: ['SIZE=1234', 'BODY=8BITMIME'] },
      { address: 'bob@dst.example', args: ['NOTIFY=NEVER'] },
      { address: 'cid@dst.example', args: [] },
    ]);
  });

  test('a body in frames of all sizes comes whole', async () => {
    const hash = createHash('sha256');
    let size = 0;
    await bench().play(
      on('body', ({ chunk }) => {
        size += chunk.length;
        hash.update(chunk);
      }),
      `
      local mta = open()
      mta:reach('body')
      for _, length in ipairs({ 1, 2, 65535, 4096, 65534, 65535 }) do
        mta:expect('body', 'continue', string.rep('x', length))
      end
      mta:finish()
      mta:close()`,
    );

    const length = 1 + 2 + 65535 + 4096 + 65534 + 65535;
    expect(size).toBe(length);
    expect(hash.digest('hex')).toBe(createHash('sha256').update('x'.repeat(length)).digest('hex'));
  });

  test('the body is over for a filter that skips, and the next one is not', async () => {
    await bench().play(
      perMessage(() => {
        let chunks = 0;
        return compose(
          on('body', () => (++chunks === 2 ? skip() : undefined)),
          on('eom', () => addHeader('X-Chunks', String(chunks))),
        );
      }),
      `
      local mta = open()
      for message = 1, 2 do
        mta:reach('body')
        mta:expect('body', 'continue', 'first')
        mta:expect('body', 'skip', 'second')
        mta:finish()
        mta:asked('HDRADD', 'X-Chunks', '2')
      end
      mta:close()`,
    );
  });

  describe('an unknown command', () => {
    test('is answered wherever it comes, and changes nothing', async () => {
      const commands: string[] = [];
      await bench().play(
        compose(
          on('unknown', ({ command }) => {
            commands.push(command);
            return command === 'EVIL now' ? reject('not here') : undefined;
          }),
          tracing(),
        ),
        `
        local mta = open()
        mta:pass('connect')
        mta:expect('unknown', 'continue', 'HELLO there')
        mta:reach('rcpt')
        mta:expect('unknown', 'replycode', 'EVIL now')
        mta:reach('data')
        mta:expect('unknown', 'continue', '')
        mta:finish()
        ${WHOLE}
        mta:expect('unknown', 'continue', 'BETWEEN')
        mta:finish()
        ${WHOLE}
        mta:close()`,
      );

      expect(commands).toEqual(['HELLO there', 'EVIL now', '', 'BETWEEN']);
    });
  });
});
