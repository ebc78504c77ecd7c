import { describe, expect, test } from 'vitest';
import { accept, on, reject, tempfail, type Decision, type Filter } from '../../../src/index.js';
import { deliver, formatReply, MtaSession, type DeliveryStep } from '../../../src/mta/index.js';
import { converse, type Conversation } from '../support/conversation.js';
import { describePostfix } from '../support/describe-postfix.js';
import { STAGES } from '../support/refused-by-postfix.js';
import { MESSAGE } from './cases.js';
import { parseEml } from '../../../src/mta/index.js';

const DECISIONS = {
  accept: () => accept(),
  reject: () => reject(),
  'reject with a text': () => reject({ code: 554, enhanced: '5.7.9', text: '100% no' }),
  'reject with lines': () => reject({ text: ['one', 'two'] }),
  tempfail: () => tempfail(),
  'tempfail with a text': () => tempfail({ code: 452, enhanced: '4.2.2', text: 'later' }),
  'tempfail for all': () => tempfail({ code: 421, enhanced: '4.3.2', text: 'bye' }),
} as const satisfies Record<string, () => Decision>;

const CASES = STAGES.flatMap((stage) =>
  Object.entries(DECISIONS).map(([name, decide]) => ({
    name: `${name} at ${stage}`,
    filter: (): Filter => on(stage, decide as () => ReturnType<typeof tempfail>),
  })),
);

/** The dialogue as `converse` notes it, but for what comes after the message. */
function noted(steps: readonly DeliveryStep[]): Omit<Conversation, 'then'> {
  const names = { connect: 'banner', helo: 'ehlo', message: 'dot' } as Record<string, string>;
  return Object.fromEntries(
    steps.map(({ command, reply }) => [
      names[command] ?? command,
      formatReply(reply)
        .replaceAll('\r\n', '\n')
        .replace(/queued as \w+$/, 'queued as (id)'),
    ]),
  );
}

/** The greetings have more in them than is of interest. */
function plain({ then: _then, ehlo, banner, ...rest }: Conversation): Omit<Conversation, 'then'> {
  return {
    ...(banner !== undefined && { banner: banner.replace(/ESMTP Postfix$/, 'ESMTP') }),
    ...(ehlo !== undefined && { ehlo: ehlo.replace(/^250-/, '250 ') }),
    ...rest,
  };
}

describePostfix('the replies in a delivery are those of Postfix', (bench) => {
  test.each(CASES)('$name', async ({ filter }) => {
    await bench().serve(filter());
    const told = await converse(await bench().connect(), MESSAGE);
    const { steps, failure } = await deliver(
      { sender: 'alice@src.example', recipients: ['bob@dst.example'], ...parseEml(MESSAGE) },
      { to: filter(), hostname: 'mx.test.example' },
    );

    expect(noted(steps)).toEqual(plain(told));
    expect(failure).toBeUndefined();
  });

  describe('to what is no command', () => {
    const filters = {
      'no word': on('unknown', () => undefined),
      'a refusal': on('unknown', () => reject('What?')),
    };

    test.each(Object.entries(filters))('with %s of the filter', async (_name, filter) => {
      await bench().serve(filter);
      const told = await (await bench().greeted()).command('FROBNICATE all of it');
      const session = await MtaSession.open({ to: filter });

      expect(formatReply(await session.unknown('FROBNICATE all of it'))).toBe(told);
      await session.close();
    });
  });
});
