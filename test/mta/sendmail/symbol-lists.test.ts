import { observe } from 'rxmilter';
import { expect, test } from 'vitest';

import { replyFrame } from '../../support/scripted-milter.js';
import { describeSendmail } from '../support/describe-sendmail.js';

const DATA = 'Subject: lists\r\n\r\nThe body.\r\n';
const EOM = 5;
const EOH = 6;
/** Every right, no flag, version 6. */
const TERMS = '\0\0\0\x06\0\0\x01\xff\0\0\0\0';

/** Macros that it knows, some of which have no value. */
const LETTERS = Array.from('abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ');

function list(stage: number, names: string): string {
  return `\0\0\0${String.fromCharCode(stage)}${names}\0`;
}

/** The names in a macro frame, in hexadecimal, in front of that letter. */
function names(macros: readonly string[], letter: string): string[] | undefined {
  const text = macros
    .map((frame) => Buffer.from(frame, 'hex').toString('latin1', 5))
    .find((frame) => frame.startsWith(letter));
  return text
    ?.slice(1)
    .split('\0')
    .slice(0, -1)
    .filter((_text, at) => at % 2 === 0);
}

describeSendmail('symbol lists in Sendmail', (bench) => {
  // The first and the second are a bug of Sendmail: it looks whether there is a list for EOH before it takes that for EOM.
  test.each([
    ['none', '', undefined, ['{msg_id}']],
    ['one for EOM alone: it is ignored', list(EOM, 'i'), undefined, ['{msg_id}']],
    ['one for EOH alone: EOM has no macros', list(EOH, 'i'), ['i'], undefined],
    ['both', list(EOM, 'i, {mail_addr}') + list(EOH, 'i j'), ['i', 'j'], ['i', '{mail_addr}']],
  ])('%s', async (_name, lists, eoh, eom) => {
    const { macros } = await bench().scripted({ O: replyFrame('O', TERMS + lists) }, async (client) => {
      expect(await client.deliver({ data: DATA })).toMatch(/^250 /);
      await client.quit();
    });

    expect(names(macros, 'N')).toEqual(eoh);
    expect(names(macros, 'E')).toEqual(eom);
  });

  test('empty ones for all stages have it send no macro frame', async () => {
    const lists = [0, 1, 2, 3, 4, EOM, EOH].map((stage) => list(stage, '')).join('');
    const { heard } = await bench().scripted({ O: replyFrame('O', TERMS + lists) }, async (client) => {
      expect(await client.deliver({ data: DATA })).toMatch(/^250 /);
      await client.quit();
    });

    expect(heard).toEqual(['OCHMRTLNBEQ']);
  });

  test('more than fifty names for a stage have it greet its clients with an error', async () => {
    const complaint = bench().sendmail.version.atLeast('8.18.2')
      ? 'milter=unix, milter_set_option=too many macros, max=50'
      : 'milter_set_option: too many macros in Milter.unix (max 50)';
    bench().tolerate(/SYSERR\(root\): .*too many macros/);
    const many = `${LETTERS.join(' ')} {client_addr} {client_name} {client_port} {client_ptr} {mail_addr}`;
    await bench().scripted(
      { O: replyFrame('O', TERMS + list(0, many)) },
      (client) => client.quit(),
      async (client) => {
        expect(await client.reply()).toBe(`554 5.0.0 ${complaint}`);
        expect(await client.reply()).toMatch(/^220 /);
      },
    );
  });

  test('give what is asked for, the version and the client among it', async () => {
    const seen: unknown[] = [];
    await bench().serve(
      observe(
        ['connect', 'eom'],
        ({ session: { macros } }) =>
          void seen.push([macros.get('v'), macros.get('client_addr'), macros.get('nrcpts')]),
      ),
      { macros: { connect: ['v', '{client_addr}'], eom: ['{nrcpts}'] } },
    );
    expect(await (await bench().greeted()).deliver({ data: DATA })).toMatch(/^250 /);

    const version = expect.stringMatching(/^8\.\d+\.\d+/);
    expect(seen).toEqual([
      [version, '127.0.0.1', undefined],
      [version, '127.0.0.1', '1'],
    ]);
  });
});
