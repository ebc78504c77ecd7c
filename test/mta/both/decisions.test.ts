import { accept, discard, on, allow, reject, skip, tempfail, type Filter } from 'rxmilter';
import { describe, expect, test } from 'vitest';

import { converse } from '../support/conversation.js';
import { describeMtas } from '../support/describe-mtas.js';
import { STAGES } from '../support/refused-by-postfix.js';
import { TOLD_BY } from '../support/told-by.js';

const MESSAGE = 'Subject: a decision\r\n\r\nThe body.\r\n';

describeMtas('decisions', (bench, mta) => {
  const told = TOLD_BY[mta];

  async function conversation(filter: Filter, message = MESSAGE): ReturnType<typeof converse> {
    await bench().serve(filter);
    return converse(await bench().connect(), message);
  }

  const REFUSALS = [
    ['reject', reject(), undefined],
    ['reject with text', reject('go away'), '550 5.7.1 go away'],
    ['reject with codes', reject({ code: 571, enhanced: '5.7.0', text: 'not you' }), '571 5.7.0 not you'],
    ['reject without enhanced code', reject({ code: 550, text: 'plain' }), '550 plain'],
    [
      'reject with lines',
      reject({ code: 554, enhanced: '5.7.0', text: ['first', 'second', 'third'] }),
      '554-5.7.0 first\n554-5.7.0 second\n554 5.7.0 third',
    ],
    ['reject with percent signs', reject('100% of 50%% %s %'), '550 5.7.1 100% of 50%% %s %'],
    ['tempfail', tempfail(), undefined],
    ['tempfail with text', tempfail('come back'), '451 4.7.1 come back'],
    ['tempfail with codes', tempfail({ code: 450, enhanced: '4.2.0', text: 'not yet' }), '450 4.2.0 not yet'],
    [
      'tempfail with lines',
      tempfail({ code: 451, enhanced: '4.7.1', text: ['line one', 'line two'] }),
      '451-4.7.1 line one\n451 4.7.1 line two',
    ],
    ['tempfail with 421', tempfail({ code: 421, enhanced: '4.7.0', text: 'bye' }), '421 4.7.0 bye'],
    [
      'tempfail with 421 in lines',
      tempfail({ code: 421, enhanced: '4.7.0', text: ['good', 'bye'] }),
      '421-4.7.0 good\n421 4.7.0 bye',
    ],
  ] as const;

  describe.each(REFUSALS)('%s', (_name, decision, reply) => {
    test.each(STAGES)('at %s', async (stage) => {
      const heard = await conversation(on(stage, () => decision));

      expect(heard).toEqual(told.refused(stage, decision.kind === 'reject', reply));
      await bench().idle();
      expect(bench().sink.kept).toEqual([]);
    });
  });

  describe.each([
    ['accept', accept()],
    ['allow', allow()],
    ['nothing', undefined],
  ] as const)('%s', (_name, decision) => {
    test.each(STAGES)('at %s', async (stage) => {
      const heard = await conversation(on(stage, () => decision));

      expect(heard).toEqual(told.taken);
      expect((await bench().sink.next()).data.toString()).toContain(MESSAGE);
    });
  });

  describe('discard', () => {
    test.each(['mail', 'rcpt', 'data', 'header', 'eoh', 'body', 'eom'] as const)('at %s', async (stage) => {
      const heard = await conversation(on(stage, () => discard()));

      expect(heard).toEqual(told.taken);
      await bench().idle();
      expect(bench().sink.kept).toEqual([]);
      expect(await bench().held()).toEqual([]);
    });
  });

  // Of more than 16383 bytes Sendmail cuts the rest off. 16 lines of 992 bytes, and 16 short ones of the rest.
  const lines = 32;

  test.each(['mail', 'rcpt', 'data', 'eom'] as const)(
    'a reply of as many and as long lines as there may be, at %s',
    async (stage) => {
      const text = Array.from({ length: lines }, (_none, line) =>
        String(line).padEnd(line < 16 ? 980 : 18, 'x'),
      );
      const heard = await conversation(on(stage, () => reject({ code: 554, enhanced: '5.7.0', text })));

      const reply = text.map((line, at) => `554${at === lines - 1 ? ' ' : '-'}5.7.0 ${line}`).join('\n');
      expect(heard).toEqual(told.refused(stage, true, reply));
    },
  );

  test('skip ends the body for the filter, not for the message', async () => {
    let chunks = 0;
    const message = `Subject: long\r\n\r\n${`${'x'.repeat(70)}\r\n`.repeat(4000)}`;
    const heard = await conversation(
      on('body', () => {
        chunks++;
        return skip();
      }),
      message,
    );

    expect(heard).toEqual(told.taken);
    expect(chunks).toBe(1);
    expect((await bench().sink.next()).data.toString()).toContain(message);
  });
});
