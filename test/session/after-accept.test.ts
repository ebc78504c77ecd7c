import { accept, addHeader, compose, observe, on } from 'rxmilter';
import { describe, expect, it } from 'vitest';

import { frame, said } from '../support/session-frames.js';
import { link, type Link } from '../support/session-link.js';

const STAGES = ['mail', 'rcpt', 'data', 'header', 'eoh', 'body'] as const;
type At = (typeof STAGES)[number];
const COMMANDS = ['C12', 'C16', 'C18', 'C20', 'C24', 'C25'] as const;

/** A filter that accepts the first message at a stage, and changes at its end what it is shown. */
function acceptingAt(at: At): { mta: Link; seen: string[] } {
  const seen: string[] = [];
  let accepted = false;
  const mta = link(
    compose(
      observe([...STAGES, 'eom', 'abort'], ({ stage }) => void seen.push(stage)),
      on(at, () => {
        if (accepted) return undefined;
        accepted = true;
        return accept();
      }),
      on(STAGES, () => undefined),
      on('eom', () => addHeader('X', '1')),
    ),
  );
  mta.ask('C01');
  return { mta, seen };
}

describe.each(STAGES)('a message that is accepted at %s, by an MTA that goes on,', (at) => {
  const upTo = STAGES.indexOf(at) + 1;

  it('has "continue" for all that follows, and the filter is not shown it, nor does it change it', () => {
    const { mta, seen } = acceptingAt(at);
    for (const command of COMMANDS.slice(0, upTo - 1)) expect(mta.ask(command)).toEqual(said('R03'));
    expect(mta.ask(COMMANDS[upTo - 1] ?? '')).toEqual(said('R04'));
    for (const command of [...COMMANDS.slice(Math.max(upTo, 1)), 'C26']) {
      expect(mta.ask(command)).toEqual(said('R03'));
    }
    expect(seen).toEqual(STAGES.slice(0, upTo));
  });

  it.each([
    ['the end of the message', 'C26'],
    ['ABORT', 'C28'],
    ['HELO', 'C10'],
    ['the next MAIL', undefined],
  ])('is over with %s: the next one is shown and changed', (_what, end) => {
    const { mta, seen } = acceptingAt(at);
    for (const command of COMMANDS.slice(0, upTo)) mta.ask(command);
    mta.ask('C16');
    if (end !== undefined) mta.ask(end);
    seen.length = 0;
    for (const command of COMMANDS) expect(mta.ask(command)).toEqual(said('R03'));
    expect(mta.ask('C26')).toEqual(said(frame('h', 'X\x001\0'), 'R03'));
    expect(seen).toEqual([...STAGES, 'eom']);
  });
});
