import { SMFIP } from 'rxmilter';
import { expect, test } from 'vitest';

import {
  optnegAnswer,
  replyFrame,
  scriptedMilter,
  type Act,
  type Script,
  type ScriptedMilter,
} from '../../support/scripted-milter.js';
import { describePostfix } from '../support/describe-postfix.js';
import { eventually } from '../support/eventually.js';

const DATA = 'Subject: silent\r\n\r\nThe body.\r\n';
/** What the filter is told before the message, macros as `D` and the letter of their event. */
const START = 'ODCCDHH';
const ENVELOPE = 'DMMDRRDTT';

const TOO_LARGE = DATA + `${'x'.repeat(70)}\r\n`.repeat(300);

const { NR_CONN, NR_HELO, NR_MAIL, NR_RCPT, NR_HDR, NR_EOH, NR_BODY, NODATA, NR_DATA } = SMFIP;
const SILENT = NR_CONN | NR_HELO | NR_MAIL | NR_RCPT | NR_HDR | NR_EOH | NR_BODY;

const CONTINUE = replyFrame('c', '');
const REJECT = replyFrame('r', '');
const PROGRESS = replyFrame('p', '');

/** Answers the end of each message with the next of these; `data` is written at DATA, for which no reply is agreed. */
function script(data: string, ends: readonly string[]): Script {
  const end: Act = (socket, _data, count) => socket.write(Buffer.from(ends[count - 1] ?? '', 'hex'));
  return { ...quiet(NR_DATA), T: data, E: end };
}

/** No reply to anything but the end of the message. */
function quiet(data: number): Script {
  return { O: optnegAnswer(SILENT | data), C: '', H: '', M: '', R: '', T: '', L: '', N: '', B: '' };
}

describePostfix(
  'DATA without a reply behind Postfix',
  (bench) => {
    function milter(acts: Script): Promise<ScriptedMilter> {
      return scriptedMilter(acts, Number(/\d+/.exec(bench().milter.inet)?.[0]));
    }

    // So a message is written in two parts, by two processes, and over TCP the second waits for an acknowledgement.
    test.each([
      ['DATA is not answered', NR_DATA, `${START}${ENVELOPE}`],
      // Macros come all the same, as a frame without any where none are listed.
      ['DATA is not wanted', NODATA, `${START}${ENVELOPE.slice(0, -1)}`],
    ])('what comes before the message is written before the message where %s', async (_name, data, heard) => {
      await using filter = await milter(quiet(data));
      const client = await bench().greeted();
      await client.command('MAIL FROM:<alice@src.example>');
      await client.command('RCPT TO:<bob@dst.example>');
      expect(await client.command('DATA')).toMatch(/^354 /);
      await eventually('DATA at the filter', () => filter.heard.at(-1) === heard);
      expect(filter.macros.at(-1)).toBe(replyFrame('D', 'T'));
    });

    test('a CONTINUE that was not asked for is taken for the answer to the end of the message', async () => {
      await using filter = await milter(script(CONTINUE, [REJECT]));
      const client = await bench().greeted();
      expect(await client.deliver({ data: DATA })).toMatch(/^250 /);
      await eventually('the end of the message at the filter', () => filter.heard.at(-1)?.includes('E'));
    });

    test.each([
      ['the end of the message', {}],
      ['RCPT', { O: optnegAnswer((SILENT & ~NR_RCPT) | NR_DATA), R: CONTINUE }],
    ])(
      'a PROGRESS that was not asked for is passed over where the next answer is to %s',
      async (_name, acts) => {
        await using filter = await milter({ ...script(PROGRESS, [CONTINUE, REJECT, CONTINUE]), ...acts });
        const client = await bench().greeted();
        expect(await client.deliver({ data: DATA })).toMatch(/^250 /);
        // Of this one Postfix does not ask the filter: the PROGRESS is left for the next answer.
        expect(await client.deliver({ data: TOO_LARGE })).toMatch(/^552 /);
        expect(await client.deliver({ data: DATA })).toMatch(/^550 5\.7\.1 /);
        expect(await client.deliver({ data: DATA })).toMatch(/^250 /);
        const taken = `${ENVELOPE}DLLDNNDBBDEEA`;
        expect(filter.heard.at(-1)).toBe(`${START}${taken}${ENVELOPE}A${taken}${taken.slice(0, -1)}`);
      },
    );
  },
  () => ({ milter_data_macros: '', message_size_limit: '20000' }),
);
