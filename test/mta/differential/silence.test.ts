import type { Stage } from 'rxmilter';
import { describe, expect, it } from 'vitest';

import { SEEN, type Conversation } from './conversations/conversation.js';
import { courses } from './conversations/courses.js';
import { texts } from './conversations/texts.js';
import { converse, type Heard, type Offer } from './support/converse.js';
import { describePair } from './support/describe-pair.js';
import { instruct } from './support/instructions.js';
import { say } from './support/steps.js';

const OBSERVED: readonly Stage[] = [
  'connect',
  'helo',
  'mail',
  'rcpt',
  'data',
  'header',
  'eoh',
  'body',
  'unknown',
];
/** What an MTA offers that knows all of the flags, none of them, or some. */
const OFFERS: Readonly<Record<string, Offer>> = {
  'where the MTA waits for no reply': { version: 6, actions: 0x1ff, protocol: 0x1fffff },
  'where the MTA waits for all replies': { version: 4, actions: 0x1ff, protocol: 0x37f },
  'where the MTA waits for some replies': { version: 6, actions: 0x1ff, protocol: 0x8bf7f },
};

/** A last piece in BODYEOB is left out: libmilter does not answer it where the body is only looked at. */
const conversations: readonly Conversation[] = [...courses, ...texts].filter(({ steps }) =>
  steps.every(({ kind, bytes }) => kind !== 'eom' || bytes.length === 5),
);

/** Frames that nobody has asked for are among the answers to the next that is awaited. */
function countOf(heard: readonly Heard[]): number {
  return heard.reduce((sum, [, ...replies]) => sum + replies.length, 0);
}

describePair(
  'A filter on rxmilter that only looks, but for the end of messages,',
  { decided: ['eom'], observed: OBSERVED },
  (pair) => {
    for (const [where, offer] of Object.entries(OFFERS)) {
      describe(`says what one on libmilter says ${where} and`, () => {
        it.each(conversations)('$name', async ({ steps }) => {
          const libmilter = await converse(pair().libmilter, steps, { offer });
          const rxmilter = await converse(pair().rxmilter, steps, { offer });
          expect(rxmilter).toEqual(libmilter);
          expect(countOf(rxmilter)).toBeGreaterThan(1);
        });
      });
    }

    it('says nothing from CONNECT to BODYEOB, and then two frames', async () => {
      const steps = [
        say.connect(),
        say.helo(),
        say.mail(`<${instruct(SEEN)}@example.com>`),
        say.rcpt(),
        say.data(),
        say.header('A', 'b'),
        say.eoh(),
        say.body(),
        say.eom(),
        say.quit(),
      ];
      const heard = await converse(pair().rxmilter, steps);
      expect(heard.slice(1).map(([said, ...replies]) => `${said} ${replies.length}`)).toEqual([
        'connect 0',
        'helo 0',
        'mail 0',
        'rcpt 0',
        'data 0',
        'header 0',
        'eoh 0',
        'body 0',
        'eom 2',
        'quit 1',
      ]);
      expect(await converse(pair().libmilter, steps)).toEqual(heard);
    });
  },
);
