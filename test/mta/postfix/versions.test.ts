import { describe, expect, test } from 'vitest';
import {
  addHeader,
  changeHeader,
  compose,
  deleteHeader,
  observe,
  on,
  perMessage,
  quarantine,
  reject,
  replaceBody,
  skip,
} from '../../../src/index.js';
import { converse, TAKEN } from '../support/conversation.js';
import { describePostfix } from '../support/describe-postfix.js';
import { maskReceived, RECEIVED } from '../support/mask-received.js';
import { refusedByPostfix, STAGES } from '../support/refused-by-postfix.js';

const MESSAGE = 'Subject: old\r\nX-Old: 1\r\n\r\nThe body.\r\n';

describePostfix('version 2 of the protocol behind Postfix', (bench) => {
  describe('refusals', () => {
    // DATA can be refused from version 4 on
    test.each(STAGES.filter((stage) => stage !== 'data'))('at %s', async (stage) => {
      await bench().serve(on(stage, () => reject('no')));

      expect(await converse(await bench().connect('version2'), MESSAGE)).toEqual(
        refusedByPostfix(stage, '550 5.7.1 no'),
      );
    });
  });

  test('stages that are only looked at are answered, since Postfix waits', async () => {
    const seen: string[] = [];
    const versions: number[] = [];
    await bench().serve(
      observe(STAGES, ({ stage, session }) => {
        seen.push(stage);
        versions.push(session.version);
      }),
    );

    expect(await converse(await bench().connect('version2'), MESSAGE)).toEqual(TAKEN);
    expect(seen).toEqual(['connect', 'helo', 'mail', 'rcpt', 'header', 'header', 'eoh', 'body', 'eom']);
    expect(new Set(versions)).toEqual(new Set([2]));
  });

  test('modifications', async () => {
    await bench().serve(
      on('eom', () => [
        addHeader('X-Seen', 'yes'),
        changeHeader('Subject', 'new'),
        deleteHeader('X-Old'),
        replaceBody('New body.\r\n'),
      ]),
    );

    expect(await converse(await bench().connect('version2'), MESSAGE)).toEqual(TAKEN);
    expect(maskReceived((await bench().sink.next()).data)).toBe(
      `${RECEIVED}Subject: new\r\nX-Seen: yes\r\n\r\nNew body.\r\n`,
    );
  });

  test('quarantine', async () => {
    await bench().serve(on('eom', () => quarantine('old virus')));

    expect(await converse(await bench().connect('version2'), MESSAGE)).toEqual(TAKEN);
    await bench().postfix.queue.idle();
    expect(await bench().postfix.queue.list()).toMatchObject([{ queue_name: 'hold' }]);
  });

  test('a body that was skipped still comes from Postfix, but not to the filter', async () => {
    await bench().serve(
      perMessage(() => {
        let chunks = 0;
        return compose(
          on('body', () => {
            chunks++;
            return skip();
          }),
          on('eom', () => addHeader('X-Chunks', String(chunks))),
        );
      }),
    );
    const body = `${'x'.repeat(70)}\r\n`.repeat(4000);

    expect(await converse(await bench().connect('version2'), `Subject: long\r\n\r\n${body}`)).toEqual(TAKEN);
    expect(maskReceived((await bench().sink.next()).data)).toBe(
      `${RECEIVED}Subject: long\r\nX-Chunks: 1\r\n\r\n${body}`,
    );
  });
});
