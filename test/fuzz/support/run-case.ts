import { expect, vi } from 'vitest';

import { Link } from '../../support/session-link.js';
import { TIMEOUTS, withMasks, type Case } from './any-case.js';
import { Bench } from './bench.js';
import type { Conversation } from './conversation.js';
import type { AgreedTerms } from './decode-reply.js';
import { macrotask, withoutLooseEnds } from './loose-ends.js';
import { MtaCommand, NO } from './mta-command.js';
import { Player } from './player.js';

/**
 * Plays a case with fake timers, and looks at what is left in the end: a connection on which a message goes through, no
 * timer, no subscription, nothing that nobody caught.
 *
 * @throws Error with the transcript of the conversation
 */
export async function runCase<C>(
  given: Case<C>,
  converse: (conversation: C, terms: AgreedTerms) => Conversation,
): Promise<void> {
  const bench = new Bench();
  const link = new Link(given.filter.make(bench), withMasks(given.options, given.masks));
  const player = new Player(link, TIMEOUTS, given.slow);
  const { version, actions, protocol } = given.offer;
  try {
    await withoutLooseEnds(async () => {
      const terms = player.negotiate(version, actions, protocol);
      if (terms !== undefined) await player.play(converse(given.conversation, terms));
      if (player.closed && !player.gone)
        expect(given.filter.breaks, 'the filter closed the connection').toBe(true);
      if (terms !== undefined && !player.closed) await probe(player, bench, given, terms);
      bench.quiet = true;
      link.connection.destroy();
      bench.release();
      await macrotask();
      await macrotask();
      expect(bench.held, 'what is still held').toEqual([]);
      expect(vi.getTimerCount(), 'timers that are left').toBe(0);
      expect(link.completed, 'whether the sink has completed').toBe(true);
    });
  } catch (error) {
    const words = error instanceof Error ? error.message : String(error);
    throw new Error(`${words}\n${player.transcript.join('\n')}`, { cause: error });
  } finally {
    link.connection.destroy();
    vi.clearAllTimers();
  }
}

/** Whatever came before: a message of a filter that has nothing against it goes through. */
async function probe<C>(player: Player, bench: Bench, given: Case<C>, terms: AgreedTerms): Promise<void> {
  bench.quiet = true;
  player.transcript.push('(from here on the filter leaves everything)');
  // What is slow, not difficult, catches up first.
  await player.pass(120_000);
  const from = player.transcript.length;
  await player.play(wholeMessage(terms));
  if (given.filter.breaks) return;
  expect(player.closed, 'the filter closed the connection').toBe(false);
  const answers = player.transcript.slice(from).filter((line) => line.startsWith('<'));
  if (given.filter.heals) expect(answers.filter((line) => !/^< [cp] /.test(line))).toEqual([]);
}

function* wholeMessage({ version, protocol }: AgreedTerms): Conversation {
  yield { do: 'ask', command: new MtaCommand('A') };
  const rest = { M: '<a@b>\0', R: '<c@d>\0', T: '', L: 'Subject\0x\0', N: '', B: 'body\r\n', E: '' };
  for (const [letter, data] of Object.entries(rest)) {
    if (letter === 'T' && version < 4) continue;
    if (((NO[letter] ?? 0) & protocol) === 0) yield { do: 'ask', command: new MtaCommand(letter, data) };
  }
}
