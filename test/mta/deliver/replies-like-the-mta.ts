import { accept, on, reject, tempfail, type Decision, type Filter, type serve } from 'rxmilter';
import { deliver, formatReply, MtaSession, parseEml, type DeliveryStep, type MtaKind } from 'rxmilter/mta';
import { describe, expect, test } from 'vitest';

import { converse, type Conversation } from '../support/conversation.js';
import { STAGES } from '../support/refused-by-postfix.js';
import type { SmtpClient } from '../support/smtp-client.js';
import { MESSAGE } from './cases.js';

/** What a bench has to have for a comparison, whichever MTA is on it. */
interface Bench {
  serve(filter: Parameters<typeof serve>[0]): Promise<unknown>;
  connect(): Promise<SmtpClient>;
  greeted(): Promise<SmtpClient>;
}

const DECISIONS = {
  accept: () => accept(),
  reject: () => reject(),
  'reject with a text': () => reject({ code: 554, enhanced: '5.7.9', text: '100% no' }),
  'reject with a code alone': () => reject({ code: 550, text: 'no' }),
  'reject with lines': () => reject({ text: ['one', 'two'] }),
  tempfail: () => tempfail(),
  'tempfail with a text': () => tempfail({ code: 452, enhanced: '4.2.2', text: 'later' }),
  'tempfail with a code alone': () => tempfail({ code: 450, text: 'later' }),
  'tempfail for all': () => tempfail({ code: 421, enhanced: '4.3.2', text: 'bye' }),
} as const satisfies Record<string, () => Decision>;

const CASES = STAGES.flatMap((stage) =>
  Object.entries(DECISIONS).map(([name, decide]) => ({
    name: `${name} at ${stage}`,
    filter: (): Filter => on(stage, decide as () => ReturnType<typeof tempfail>),
  })),
);

const UNKNOWN = 'FROBNICATE all of it';

/**
 * Tests that the replies in a delivery are those that a client of the MTA on the bench gets.
 *
 * @param ownWords whether a newer version of the MTA answers what is no command in its own words, whatever a filter says
 */
export function repliesLikeTheMta(bench: () => Bench, mta: MtaKind, ownWords = (): boolean => false): void {
  test.each(CASES)('$name', async ({ filter }) => {
    await bench().serve(filter());
    const told = await converse(await bench().connect(), MESSAGE);
    const { steps, failure } = await deliver(
      { sender: 'alice@src.example', recipients: ['bob@dst.example'], ...parseEml(MESSAGE) },
      { mta, to: filter(), hostname: 'mx.test.example' },
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
      const told = await (await bench().greeted()).command(UNKNOWN);
      const session = await MtaSession.open({ mta, to: ownWords() ? filters['no word'] : filter });

      expect(formatReply(await session.unknown(UNKNOWN))).toBe(told);
      await session.close();
    });
  });
}

/** The dialogue as `converse` notes it, but for what comes after the message. */
function noted(steps: readonly DeliveryStep[]): Omit<Conversation, 'then'> {
  const names = { connect: 'banner', helo: 'ehlo', message: 'dot' } as Record<string, string>;
  const told = steps.map(({ command, reply }) => [names[command] ?? command, formatReply(reply)]);
  return plain(Object.fromEntries(told) as Conversation);
}

/** Without what depends on version, time and chance, and with no more of the greetings than is of interest. */
function plain({ then: _then, ...steps }: Conversation): Omit<Conversation, 'then'> {
  return Object.fromEntries(
    Object.entries(steps).map(([step, reply]) => [
      step,
      reply
        .replaceAll('\r\n', '\n')
        .replace(/^354 .*$/, '354 (go on)')
        .replace(/queued as \S+$/, 'queued as (id)')
        .replace(/^(250 2\.0\.0) \S+ (Message accepted)/, '$1 (id) $2')
        .replace(/^(220 \S+ ESMTP) .*$/, '$1')
        .replace(/^250[- ](mx\.test\.example).*$/, '250 $1'),
    ]),
  );
}
