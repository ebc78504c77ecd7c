import {
  accept,
  addHeader,
  addRecipient,
  changeHeader,
  changeSender,
  compose,
  deleteHeader,
  deleteRecipient,
  discard,
  insertHeader,
  on,
  allow,
  quarantine,
  reject,
  replaceBody,
  tempfail,
  type Modification,
} from 'rxmilter';
import { describe, expect, test } from 'vitest';

import { describeMiltertest } from '../support/describe-miltertest.js';

/**
 * What a filter wants, how miltertest has to have understood it, and the frames, with the bytes of their data.
 *
 * Of a changed sender and of arguments for a recipient miltertest tells no more than the frame. It looks for the number
 * of a changed header in the place of the value, so the two have to be the same. Bodies above one frame are too much
 * for its buffers.
 */
const MODIFICATIONS: readonly (readonly [string, () => Modification[], string, readonly string[]])[] = [
  ['add a header', () => [addHeader('X-Seen', 'yes')], `mta:asked('HDRADD', 'X-Seen', 'yes')`, ['h 11']],
  ['add an empty header', () => [addHeader('X-Empty', '')], `mta:asked('HDRADD', 'X-Empty', '')`, ['h 9']],
  [
    'add a folded header: with a line feed alone',
    () => [addHeader('X-Long', 'one\r\n\ttwo\n three')],
    `mta:asked('HDRADD', 'X-Long', 'one\\n\\ttwo\\n three')`,
    ['h 23'],
  ],
  [
    'add a header in UTF-8',
    () => [addHeader('X-Word', 'Größe')],
    `mta:asked('HDRADD', 'X-Word', 'Gr\\xc3\\xb6\\xc3\\x9fe')`,
    ['h 15'],
  ],
  [
    'add a header of bytes',
    () => [addHeader('X-Word', Buffer.from('Größe', 'latin1'))],
    `mta:asked('HDRADD', 'X-Word', 'Gr\\xf6\\xdfe')`,
    ['h 13'],
  ],
  [
    'insert at the top',
    () => [insertHeader('top', 'X-Top', 'yes')],
    `mta:asked('HDRINSERT', 'X-Top', 'yes', 0)`,
    ['i 14'],
  ],
  [
    'insert before the first',
    () => [insertHeader(1, 'X-In', 'yes')],
    `mta:asked('HDRINSERT', 'X-In', 'yes', 1)`,
    ['i 13'],
  ],
  [
    'insert before the third',
    () => [insertHeader(3, 'X-In', 'yes')],
    `mta:asked('HDRINSERT', 'X-In', 'yes', 3)`,
    ['i 13'],
  ],
  [
    'insert at the bottom: at the highest place that Postfix takes',
    () => [insertHeader('bottom', 'X-Low', 'yes')],
    `mta:asked('HDRINSERT', 'X-Low', 'yes', 0x7ffffffe)`,
    ['i 14'],
  ],
  [
    'change a header',
    () => [changeHeader('Subject', 'changed')],
    `mta:asked('HDRCHANGE', 'Subject', 'changed')`,
    ['m 20'],
  ],
  [
    'change the first of a name',
    () => [changeHeader('X-Many', '1')],
    `mta:asked('HDRCHANGE', 'X-Many', '1', 1)`,
    ['m 13'],
  ],
  [
    'change the second of a name',
    () => [changeHeader('X-Many', '2', 2)],
    `mta:asked('HDRCHANGE', 'X-Many', '2', 2)`,
    ['m 13'],
  ],
  [
    'change a header to nothing',
    () => [changeHeader('Subject', '')],
    `mta:asked('HDRDELETE', 'Subject', 1)`,
    ['m 13'],
  ],
  ['delete a header', () => [deleteHeader('Subject')], `mta:asked('HDRDELETE', 'Subject', 1)`, ['m 13']],
  [
    'delete several of a name',
    () => [deleteHeader('X-Many', 1), deleteHeader('X-Many', 3)],
    `mta:asked('HDRDELETE', 'X-Many', 1) mta:asked('HDRDELETE', 'X-Many', 3)
    mta:not_asked('HDRDELETE', 'X-Many', 2)`,
    ['m 12', 'm 12'],
  ],
  [
    'replace the body',
    () => [replaceBody('New body.\r\n')],
    `mta:asked('BODYCHANGE', 'New body.\\r\\n')`,
    ['b 11'],
  ],
  ['replace the body by nothing', () => [replaceBody('')], `mta:asked('BODYCHANGE', '')`, ['b 0']],
  [
    'add a recipient',
    () => [addRecipient('dan@dst.example')],
    `mta:asked('RCPTADD', '<dan@dst.example>')`,
    ['+ 18'],
  ],
  [
    'add a recipient with arguments',
    () => [addRecipient('dan@dst.example', ['NOTIFY=NEVER', 'ORCPT=rfc822;dan@dst.example'])],
    `mta:not_asked('RCPTADD', '<dan@dst.example>')`,
    ['2 60'],
  ],
  [
    'delete a recipient',
    () => [deleteRecipient('bob@dst.example')],
    `mta:asked('RCPTDELETE', '<bob@dst.example>')`,
    ['- 18'],
  ],
  [
    'delete a recipient by bytes: as they are, with brackets or without',
    () => [
      deleteRecipient(Buffer.from('bob@dst.example')),
      deleteRecipient(Buffer.from('<cid@dst.example>')),
    ],
    `mta:asked('RCPTDELETE', 'bob@dst.example') mta:asked('RCPTDELETE', '<cid@dst.example>')`,
    ['- 16', '- 18'],
  ],
  ['change the sender', () => [changeSender('dan@src.example')], '', ['e 19']],
  ['take the sender away', () => [changeSender('')], '', ['e 4']],
  [
    'change the sender with arguments',
    () => [changeSender('dan@src.example', ['RET=HDRS', 'ENVID=one'])],
    '',
    ['e 37'],
  ],
  [
    'quarantine',
    () => [quarantine('looks like a virus')],
    `mta:asked('QUARANTINE', 'looks like a virus')`,
    ['q 19'],
  ],
];

const ALL = (): Modification[] => [
  replaceBody('New body.\r\n'),
  addHeader('X-Seen', 'yes'),
  deleteHeader('X-Many', 1),
  changeHeader('Subject', 'changed'),
  addRecipient('dan@dst.example'),
  deleteRecipient('bob@dst.example'),
  changeSender('dan@src.example'),
  insertHeader(1, 'X-In', 'yes'),
  quarantine('why'),
];
const ALL_ASKED = `
  mta:asked('HDRADD', 'X-Seen', 'yes')
  mta:asked('HDRINSERT', 'X-In', 'yes', 1)
  mta:asked('HDRDELETE', 'X-Many', 1)
  mta:asked('HDRCHANGE', 'Subject', 'changed')
  mta:asked('BODYCHANGE', 'New body.\\r\\n')
  mta:asked('RCPTADD', '<dan@dst.example>')
  mta:asked('RCPTDELETE', '<bob@dst.example>')
  mta:asked('QUARANTINE', 'why')`;

describeMiltertest('modifications, for miltertest', (bench) => {
  test.each(MODIFICATIONS)('%s', async (_name, modifications, check, frames) => {
    const log = await bench().play(
      on('eom', modifications),
      `local mta = open() mta:finish() ${check} mta:close()`,
      { listen: bench().endpoints.unix },
    );

    expect(log.answersTo('E')).toEqual([[...frames, 'c 0']]);
  });

  describe('all kinds at once, and then', () => {
    test.each([
      ['nothing', undefined, 'continue', 'c 0'],
      ['allow', allow(), 'continue', 'c 0'],
      ['accept', accept(), 'accept', 'a 0'],
    ] as const)('%s', async (_name, decision, reply, last) => {
      const log = await bench().play(
        compose(
          on('eom', ALL),
          on('eom', () => decision),
        ),
        `local mta = open() mta:finish('${reply}') ${ALL_ASKED} mta:close()`,
      );

      // the body last and in one run, for Postfix
      expect(log.answersTo('E')[0]?.slice(-2)).toEqual(['b 11', last]);
      expect(log.answersTo('E')[0]).toHaveLength(10);
    });

    test.each([
      ['reject', reject(), 'reject', 'r 0'],
      ['reject with text', reject('no'), 'replycode', 'y 13'],
      ['tempfail', tempfail(), 'tempfail', 't 0'],
      ['discard', discard(), 'discard', 'd 0'],
    ] as const)('%s: nothing is changed', async (_name, decision, reply, last) => {
      const log = await bench().play(
        compose(
          on('eom', ALL),
          on('eom', () => decision),
        ),
        `local mta = open() mta:finish('${reply}') mta:close()`,
      );

      expect(log.answersTo('E')).toEqual([[last]]);
    });
  });

  test('several headers of one name come in the order of the filter', async () => {
    await bench().play(
      on('eom', () => [addHeader('X-Seen', 'a'), addHeader('X-Seen', 'b'), addHeader('X-Seen', 'c')]),
      `
      local mta = open()
      mta:finish()
      -- getheader() counts from the last one
      for back, value in ipairs({ 'c', 'b', 'a' }) do
        equal(value, mt.getheader(mta.conn, 'X-Seen', back - 1), value)
      end
      mta:close()`,
    );
  });

  test('a body that comes piece by piece goes in one run', async () => {
    async function* pieces(): AsyncGenerator<string> {
      for (const piece of ['one\r\n', 'two\r\n', 'three\r\n']) yield await Promise.resolve(piece);
    }
    const log = await bench().play(
      on('eom', () => [replaceBody(pieces()), addHeader('X-Seen', 'yes')]),
      `local mta = open() mta:finish() mta:asked('HDRADD', 'X-Seen', 'yes') mta:asked('BODYCHANGE') mta:close()`,
    );

    const [answer = []] = log.answersTo('E');
    const bodies = answer.filter((frame) => frame.startsWith('b '));
    expect(answer).toEqual(['h 11', ...bodies, 'c 0']);
    expect(bodies.map((frame) => Number(frame.slice(2))).reduce((sum, size) => sum + size, 0)).toBe(17);
  });
});
