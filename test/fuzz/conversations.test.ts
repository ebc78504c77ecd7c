import fc from 'fast-check';
import { afterEach, beforeEach, describe, it, vi } from 'vitest';

import { anyCase } from './support/any-case.js';
import type { Conversation, Move } from './support/conversation.js';
import { FUZZ_TIMEOUT, fuzz } from './support/fuzz.js';
import { LawfulMta, smtpScript, type Habits } from './support/lawful-mta.js';
import { LETTERS, anyCommand } from './support/mta-command.js';
import { runCase } from './support/run-case.js';

const TIMED = ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date', 'performance'] as const;

/** Anything in any order, waiting for answers, or for some time, or not at all. */
const move: fc.Arbitrary<Move> = fc
  .tuple(
    fc.constantFrom(...Array.from(`${LETTERS}MRTLNBEMRTBELBEA`)),
    fc.constantFrom('ask', 'ask', 0, 0, 1, 500, 1500),
  )
  .chain(([letter, wait]) => {
    if (letter === 'D') {
      return anyCommand('M').map((command): Move => ({ do: 'macros', command }));
    }
    return anyCommand(letter).map((command): Move =>
      typeof wait === 'number' ? { do: 'say', command, wait } : { do: 'ask', command },
    );
  });
const disorder = fc.record({
  moves: fc.array(move, { maxLength: 20, size: 'max' }),
  end: fc.oneof(
    fc.constant<Move | undefined>(undefined),
    fc.constant<Move>({ do: 'vanish', within: undefined }),
    anyCommand('M').map((within): Move => ({ do: 'vanish', within })),
  ),
});

function* inDisorder({ moves, end }: { moves: readonly Move[]; end: Move | undefined }): Conversation {
  for (const one of moves) yield one;
  if (end !== undefined) yield end;
}

const lawful = fc.record({
  habits: fc.constantFrom<Habits>('postfix', 'sendmail', 'local'),
  script: smtpScript,
});

describe('Whatever the filter does', () => {
  beforeEach(() => {
    // Where nobody is left to be told, a teardown that throws is a warning.
    vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    vi.useFakeTimers({ toFake: [...TIMED] });
  });
  afterEach(() => {
    vi.restoreAllMocks();
    vi.useRealTimers();
  });

  it(
    'an MTA that keeps to the protocol gets what it is owed, in time and in order',
    { timeout: FUZZ_TIMEOUT },
    () =>
      fuzz(500, anyCase(lawful), (given) =>
        runCase(given, ({ habits, script }, terms) => new LawfulMta(terms, habits).converse(script)),
      ),
  );

  it(
    'an MTA that says anything in any order gets what it is owed, in time and in order',
    { timeout: FUZZ_TIMEOUT },
    () => fuzz(500, anyCase(disorder), (given) => runCase(given, inDisorder)),
  );
});
