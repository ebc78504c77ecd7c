import { describe, expect, it } from 'vitest';

import type { Conversation } from './conversations/conversation.js';
import { courses } from './conversations/courses.js';
import { decisions } from './conversations/decisions.js';
import { macroScopes } from './conversations/macro-scopes.js';
import { malformed } from './conversations/malformed.js';
import { modifications } from './conversations/modifications.js';
import { replies } from './conversations/replies.js';
import { surpluses } from './conversations/surplus.js';
import { texts } from './conversations/texts.js';
import { converse, type Heard } from './support/converse.js';
import { describePair } from './support/describe-pair.js';
import { withoutAborts } from './support/without-aborts.js';

/** The letters of the replies to each command, those of modifications in the order of the alphabet. */
function lettersOf(heard: readonly Heard[]): string {
  const asked = heard.slice(1).filter(([said]) => said !== 'quit');
  return asked.map(([, ...lines]) => lines.map((line) => line.charAt(0)).join('')).join(' ');
}

describePair(
  'A filter on rxmilter',
  { decided: ['connect', 'helo', 'mail', 'rcpt', 'data', 'header', 'eoh', 'body', 'eom', 'unknown'] },
  (pair) => {
    const groups: Readonly<Record<string, readonly Conversation[]>> = {
      'says what one on libmilter says and': decisions,
      'writes the bytes that one on libmilter writes and': replies,
      'asks for the changes that one on libmilter asks for and': modifications,
      'goes on as one on libmilter and': courses,
      'is told what one on libmilter is told and': texts,
      'hangs up as one on libmilter and': malformed,
      'reads what one on libmilter reads and': surpluses,
      'has the macros that one on libmilter has and': macroScopes,
    };
    for (const [what, conversations] of Object.entries(groups)) {
      describe(what, () => {
        it.each(conversations)('$name', async ({ steps, letters, manner, abortsDiffer = false }) => {
          const libmilter = await converse(pair().libmilter, steps, manner);
          const rxmilter = await converse(pair().rxmilter, steps, manner);
          if (abortsDiffer) expect(withoutAborts(rxmilter)).toEqual(withoutAborts(libmilter));
          else expect(rxmilter).toEqual(libmilter);
          if (libmilter.at(-1)?.at(-1) === 'closed') pair().takeErrors();
          expect(lettersOf(rxmilter)).toBe(letters);
        });
      });
    }
  },
);
