import { accept, addHeader, compose, discard, on, allow, reject, skip, tempfail, type Stage } from 'rxmilter';
import { describe, expect, test } from 'vitest';

import { describeMiltertest } from '../support/describe-miltertest.js';

const CONNECTION = ['connect', 'helo'] as const;
const MESSAGE = ['mail', 'rcpt', 'data', 'header', 'eoh', 'body', 'eom'] as const;
const STAGES = [...CONNECTION, ...MESSAGE, 'unknown'] as const;

/** The command of each stage. */
const LETTER: Readonly<Record<Stage, string>> = {
  ...{ connect: 'C', helo: 'H', mail: 'M', rcpt: 'R', data: 'T', header: 'L', eoh: 'N', body: 'B', eom: 'E' },
  unknown: 'U',
};

/** Decisions with a reply text, and what libmilter would send for it. */
const TEXTS = [
  ['reject with text', reject('go away'), '550 5.7.1 go away'],
  ['reject with codes', reject({ code: 571, enhanced: '5.7.0', text: 'not you' }), '571 5.7.0 not you'],
  ['reject without enhanced code', reject({ code: 550, text: 'in plain words' }), '550 in plain words'],
  ['reject with percent signs', reject('100% of 50%% %s'), '550 5.7.1 100%% of 50%%%% %%s'],
  [
    'reject with lines',
    reject({ code: 554, enhanced: '5.7.0', text: ['first', 'second', 'third'] }),
    '554-5.7.0 first\r\n554-5.7.0 second\r\n554 5.7.0 third',
  ],
  ['tempfail with text', tempfail('come back'), '451 4.7.1 come back'],
  ['tempfail with codes', tempfail({ code: 450, enhanced: '4.2.0', text: 'not yet' }), '450 4.2.0 not yet'],
  [
    'tempfail with lines',
    tempfail({ code: 451, enhanced: '4.7.1', text: ['line one', 'line two'] }),
    '451-4.7.1 line one\r\n451 4.7.1 line two',
  ],
  ['tempfail with 421', tempfail({ code: 421, enhanced: '4.7.0', text: 'bye' }), '421 4.7.0 bye'],
] as const;

type Reply = 'continue' | 'accept' | 'reject' | 'tempfail' | 'discard' | 'skip' | 'replycode';

/** The mark shows that the reply to the end of the message was that, and not one too many from before. */
const FINISH = `mta:finish() mta:asked('HDRADD', 'X-Seen', 'yes')`;

/** Goes to a stage, where that reply is to come, and on from there as an MTA does after that reply. */
function script(stage: Stage, reply: Reply, check = ''): string {
  return `
    local mta = open()
    mta:reach('${stage === 'unknown' ? 'mail' : stage}')
    mta:expect('${stage}', '${reply}')
    ${check}
    ${afterwards(stage, reply)}
    mta:close()`;
}

function afterwards(stage: Stage, reply: Reply): string {
  const refused = reply === 'reject' || reply === 'tempfail' || reply === 'replycode';
  if (reply === 'continue' || reply === 'skip') return stage === 'eom' ? '' : FINISH;
  // the unknown command fails, and nothing else
  if (stage === 'unknown') return FINISH;
  // the filter is done with the connection
  if (stage === 'connect' || stage === 'helo') return '';
  // this recipient is refused, the message goes on
  if (stage === 'rcpt' && refused) return `mta:expect('rcpt', 'continue', '<cid@dst.example>') ${FINISH}`;
  // The message is over. Sendmail comes with the next MAIL at once, Postfix with ABORT first.
  return `mta:next_message() ${FINISH} mta:abort() ${FINISH}`;
}

/** The arguments that make eom_check() look for a reply text: it joins three parts by blanks. */
function textArguments(text: string): string {
  const [code, second, ...rest] = text.split(' ');
  return [code, second, rest.join(' ')].map((part) => JSON.stringify(part)).join(', ');
}

/** Marks every message that nothing else has decided. */
const mark = on('eom', () => addHeader('X-Seen', 'yes'));

/** Decides the first time that it is asked; later messages pass. */
function first<T>(decision: T): () => T | undefined {
  let asked = 0;
  return () => (asked++ === 0 ? decision : undefined);
}

describeMiltertest('decisions, for miltertest', (bench) => {
  describe.each([
    ['allow', allow(), 'continue'],
    ['nothing', undefined, 'continue'],
    ['reject', reject(), 'reject'],
    ['tempfail', tempfail(), 'tempfail'],
  ] as const)('%s', (_name, decision, reply) => {
    test.each(STAGES)('at %s', async (stage) => {
      await bench().play(compose(on(stage, first(decision)), mark), script(stage, reply));
    });
  });

  describe('accept', () => {
    test.each([...CONNECTION, ...MESSAGE])('at %s', async (stage) => {
      await bench().play(compose(on(stage, first(accept())), mark), script(stage, 'accept'));
    });
  });

  describe('discard', () => {
    test.each(MESSAGE)('at %s', async (stage) => {
      await bench().play(compose(on(stage, first(discard())), mark), script(stage, 'discard'));
    });
  });

  test('skip at body, after which the end of the message comes', async () => {
    await bench().play(compose(on('body', first(skip())), mark), script('body', 'skip'));
  });

  // Of a text that comes before the end of a message miltertest tells its length only.
  describe.each(TEXTS)('%s', (_name, decision, text) => {
    test.each(STAGES)('at %s', async (stage) => {
      const check = stage === 'eom' ? `mta:asked('SMTPREPLY', ${textArguments(text)})` : '';
      const log = await bench().play(
        compose(on(stage, first(decision)), mark),
        script(stage, 'replycode', check),
        {
          listen: bench().endpoints.unix,
        },
      );

      expect(log.answersTo(LETTER[stage])[0]).toEqual([`y ${text.length + 1}`]);
    });
  });

  test('a recipient after one that was refused, one that was put off and one that is welcome', async () => {
    await bench().play(
      compose(
        on('rcpt', ({ address }) => {
          if (address === 'bob@dst.example') return reject();
          return address === 'cid@dst.example' ? tempfail('later') : undefined;
        }),
        mark,
      ),
      `
      local mta = open()
      mta:reach('rcpt')
      mta:expect('rcpt', 'reject', '<bob@dst.example>')
      mta:expect('rcpt', 'continue', '<dan@dst.example>')
      mta:expect('rcpt', 'replycode', '<cid@dst.example>')
      mta:expect('rcpt', 'continue', '<eve@dst.example>')
      ${FINISH}
      mta:close()`,
    );
  });

  // Both MTAs let the client try again after a refused DATA, and then send no second MAIL.
  test('recipients and DATA after a refused DATA', async () => {
    await bench().play(
      compose(on('data', first(tempfail())), mark),
      `
      local mta = open()
      mta:reach('data')
      mta:expect('data', 'tempfail')
      mta:pass('rcpt', '<cid@dst.example>')
      mta:expect('data', 'continue')
      ${FINISH}
      mta:close()`,
    );
  });
});
