import { compose, observe, on, allow, reject, skip, type Outcome, SMFIP } from 'rxmilter';
import { describe, expect, it } from 'vitest';

import { frame, optneg } from '../support/session-frames.js';
import { type Link, link } from '../support/session-link.js';

/** Every right, and no flag that lets an MTA not wait: each command costs a round. */
const WAITING = optneg(6, 0x1ff, SMFIP.SKIP);
/** All flags, among them those that let it not wait. */
const SILENT = optneg(6, 0x1ff, 0x1fffff);

const STAGES = ['helo', 'mail', 'rcpt', 'data', 'header', 'eoh', 'body', 'eom', 'unknown'] as const;

const helo = frame('H', 'client.test\0'); // 12 bytes
const macros = frame('D', 'Mi\x004711\0');
const mail = frame('M', '<a@a.test>\0'); // 11
const rcpt = frame('R', '<b@b.test>\0'); // 11
const data = frame('T');
const header = frame('L', 'Subject\0 Hi\0'); // 12
const eoh = frame('N');
const body = frame('B', 'Hello\r\n'); // 7
const eom = frame('E');

/** Rounds and bytes of each outcome, by its stage. */
function costs(made: Link): [Outcome['stage'], number, number][] {
  return made.outcomes.map(({ stage, rounds, bytes }) => [stage, rounds, bytes]);
}

function started(filter: Parameters<typeof link>[0], offer = WAITING): Link {
  const made = link(filter);
  made.ask(offer);
  return made;
}

const everywhere = on(STAGES, () => allow());

describe('The rounds and bytes of an outcome', () => {
  it('add up over a message, with its macros left out', () => {
    const mta = started(everywhere);
    mta.send(mail, macros, rcpt, data, header, eoh, body, eom);
    expect(costs(mta)).toEqual([
      ['mail', 1, 11],
      ['rcpt', 2, 22],
      ['data', 3, 22],
      ['header', 4, 34],
      ['eoh', 5, 34],
      ['body', 6, 41],
      ['eom', 7, 41],
    ]);
  });

  it('begin anew with each message, and are of the connection outside of messages', () => {
    const mta = started(everywhere);
    mta.send(helo, frame('U', 'XYZ\0'), mail, rcpt, eom, frame('U', 'XYZ\0'), macros, mail, rcpt);
    expect(costs(mta)).toEqual([
      ['helo', 1, 12],
      ['unknown', 2, 16],
      ['mail', 1, 11],
      ['rcpt', 2, 22],
      ['eom', 3, 22],
      ['unknown', 1, 4],
      ['mail', 1, 11],
      ['rcpt', 2, 22],
    ]);
  });

  it('begin anew after an abort, a refused sender, and an MTA that begins without one', () => {
    const mta = started(on(['mail', 'rcpt'], ({ stage }) => (stage === 'mail' ? reject() : allow())));
    mta.send(mail, mail, mail, frame('A'), rcpt);
    expect(costs(mta)).toEqual([
      ['mail', 1, 11],
      ['mail', 1, 11],
      ['mail', 1, 11],
      ['rcpt', 1, 11],
    ]);
  });

  it('count the answers that are given where no filter decides, as the MTA waits for them all the same', () => {
    const mta = started(on('eom', () => allow()));
    mta.send(mail, rcpt, data, header, eoh, body, body, eom);
    expect(costs(mta)).toEqual([['eom', 8, 48]]);
  });

  it('count no round where the MTA was told not to wait', () => {
    const mta = started(
      compose(
        observe(['mail', 'rcpt', 'header', 'body'], () => undefined),
        on('eom', () => allow()),
      ),
      SILENT,
    );
    mta.send(mail, rcpt, header, header, body, body, eom);
    expect(costs(mta)).toEqual([['eom', 1, 60]]);
  });

  it('count a body frame once, in however many pieces it comes, and what is skipped of the body as well', () => {
    const large = frame('B', Buffer.alloc(1000, 0x61));
    const mta = started(
      compose(
        on('body', () => skip()),
        on('eom', () => allow()),
      ),
    );
    mta.send(mail);
    for (let at = 0; at < large.length; at += 100) mta.send(large.subarray(at, at + 100));
    mta.send(body, eom);
    const [last] = costs(mta).slice(-1);
    expect(last).toEqual(['eom', 4, 11 + 1000 + 7]);
  });

  it('are those of what came before where something goes wrong', () => {
    const mta = started(everywhere);
    mta.send(mail, rcpt);
    mta.send(Buffer.from([0, 0, 0, 1, 0x7a]));
    expect(mta.outcomes.at(-1)).toMatchObject({ stage: 'close', rounds: 2, bytes: 22 });
  });
});
