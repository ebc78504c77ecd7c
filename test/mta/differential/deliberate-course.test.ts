import { expect, it } from 'vitest';

import type { Offer } from './support/converse.js';
import { describePair } from './support/describe-pair.js';
import { itDiffers, type Difference } from './support/difference.js';
import { frame, u32 } from './support/frames.js';
import { escaped, instruct, type Instruction } from './support/instructions.js';
import { say, unawaited, type Step } from './support/steps.js';
import { Wire } from './support/wire.js';

const told = (...instructions: readonly Instruction[]): string =>
  `<${instruct(...instructions)}@example.com>`;
const opening: readonly Step[] = [say.connect(), say.helo()];
const envelope: readonly Step[] = [...opening, say.mail(), say.rcpt()];
const VERSION_3: Offer = { version: 3, actions: 0x3f, protocol: 0x17f };
const PROBED = 'probe: y 550 probe\\00';

/** Events of which libmilter answers none, told by the reply that comes next; and rxmilter all. */
function unanswered(name: string, before: readonly Step[], ...dropped: readonly Step[]): Difference {
  return {
    name,
    because: 'an MTA waits for the reply, and gives the filter up when its time is over',
    steps: [...before, ...dropped.map(unawaited), say.probe()],
    libmilter: [PROBED],
    rxmilter: [`probe: ${'c | '.repeat(dropped.length)}y 550 probe\\00`],
  };
}

/** A first message that ends with a decision, and a second one in which the filter says what it was told. */
function aborts(
  name: string,
  because: string,
  first: readonly Step[],
  seen: { readonly libmilter: string; readonly rxmilter: string },
): Difference {
  const second = [
    say.mail(told(['eom', 'seen'])),
    say.rcpt('<two@example.org>'),
    say.data(),
    say.eoh(),
    say.eom(),
  ];
  const shown = (middle: string): string =>
    `eom: h X-Seen\\00 connect(mail.example.com,inet,54321,192.0.2.25) helo(client.example.com) ${middle} ` +
    'mail(<do~7beom~3aseen~7d@example.com>) rcpt(<two@example.org>) data eoh eom\\00 | c';
  return {
    name,
    because,
    steps: [...opening, ...first, say.abort(), ...second],
    libmilter: [shown(seen.libmilter)],
    rxmilter: [shown(seen.rxmilter)],
  };
}

const LOOKING = told(['eom', 'macro', 'm'], ['eom', 'seen']);

/** A macro that is looked up at BODYEOB of a message, which the steps are to complete. */
function macro(
  name: string,
  because: string,
  envelopeSteps: readonly Step[],
  seen: string,
  values: { readonly libmilter: string; readonly rxmilter: string },
): Difference {
  const shown = (value: string): string =>
    `eom: h X-Seen\\00 connect(mail.example.com,inet,54321,192.0.2.25) helo(client.example.com) ` +
    `mail(${escaped(LOOKING)}) ${seen} eom macro(m,${value})\\00 | c`;
  return {
    name,
    because,
    steps: [...opening, ...envelopeSteps, say.eom()],
    libmilter: [shown(values.libmilter)],
    rxmilter: [shown(values.rxmilter)],
  };
}

describePair(
  'The course of a connection differs on purpose from that with libmilter,',
  { decided: ['connect', 'helo', 'mail', 'rcpt', 'data', 'header', 'eoh', 'body', 'eom', 'unknown'] },
  (pair) => {
    itDiffers(pair, [
      unanswered('RCPT without MAIL', opening, say.rcpt()),
      unanswered('DATA without RCPT', [...opening, say.mail()], say.data()),
      unanswered('a header without DATA and RCPT', [...opening, say.mail()], say.header('A', 'b')),
      unanswered('a header after EOH', [...envelope, say.data(), say.eoh()], say.header('A', 'b')),
      unanswered('BODYEOB without EOH', [...envelope, say.data()], say.eom()),
      unanswered('RCPT after DATA', [...envelope, say.data()], say.rcpt()),
      unanswered('CONNECT twice', opening, say.connect()),
      unanswered(
        'RCPT after ACCEPT',
        [...opening, say.mail(), say.rcpt(told(['rcpt', 'accept']))],
        say.rcpt(),
      ),
      unanswered(
        'RCPT and DATA after a refused DATA, as both MTAs send them',
        [...opening, say.mail(told(['data', 'reject'])), say.rcpt(), say.data()],
        say.rcpt(),
        say.data(),
      ),
      unanswered('CONNECT after QUIT_NC', [...opening, unawaited({ bytes: frame('K') })], say.connect()),
      {
        ...unanswered(
          'a message after an unknown command, where there is no DATA',
          [...envelope, say.unknown('XYZZY')],
          say.header('A', 'b'),
          say.eoh(),
          say.eom(),
        ),
        manner: { offer: VERSION_3 },
      },
      {
        name: 'a second negotiation',
        because: 'what the peer then takes for agreed on is anybody\u2019s guess',
        steps: [...opening, unawaited({ bytes: frame('O', u32(6), u32(0x1ff), u32(0x1fffff)) }), say.probe()],
        libmilter: [PROBED],
        rxmilter: ['probe: closed'],
        errors: ['the negotiation is over'],
      },
      {
        name: 'an empty piece of the body',
        because: 'it says no more than that there is nothing, which is no reason to lose the mail',
        steps: [...envelope, say.data(), say.eoh(), unawaited(say.body('')), say.probe()],
        libmilter: ['probe: closed'],
        rxmilter: [`probe: c | y 550 probe\\00`],
      },
      {
        name: 'HELO without a NUL',
        because: 'a frame that cannot be read ends the connection, as any other does in libmilter',
        steps: [say.connect(), unawaited({ bytes: frame('H', 'name') }), say.probe()],
        libmilter: [PROBED],
        rxmilter: ['probe: closed'],
        errors: ['has no NUL at its end'],
      },
      aborts(
        'ABORT after a refused DATA',
        'the message was still there, for RCPT and DATA may have come again',
        [say.mail(told(['data', 'reject'])), say.rcpt('<one@example.org>'), say.data()],
        {
          libmilter: `mail(${escaped(told(['data', 'reject']))}) rcpt(<one@example.org>) data`,
          rxmilter: `mail(${escaped(told(['data', 'reject']))}) rcpt(<one@example.org>) data abort`,
        },
      ),
      aborts(
        'ABORT after DISCARD at RCPT',
        'the message was decided then, as it is by DISCARD everywhere else',
        [say.mail(told(['rcpt', 'discard'])), say.rcpt('<one@example.org>')],
        {
          libmilter: `mail(${escaped(told(['rcpt', 'discard']))}) rcpt(<one@example.org>) abort`,
          rxmilter: `mail(${escaped(told(['rcpt', 'discard']))}) rcpt(<one@example.org>)`,
        },
      ),
      aborts(
        'ABORT after an unknown command, where the message was decided before it',
        'an unknown command does not bring a message back',
        [say.mail(told(['mail', 'reject'])), say.unknown('XYZZY')],
        {
          libmilter: `mail(${escaped(told(['mail', 'reject']))}) unknown(XYZZY) abort`,
          rxmilter: `mail(${escaped(told(['mail', 'reject']))}) unknown(XYZZY)`,
        },
      ),
      aborts(
        'ABORT after an unknown command without any message',
        'there is nothing to abort',
        [say.unknown('XYZZY')],
        { libmilter: `unknown(XYZZY) abort`, rxmilter: `unknown(XYZZY)` },
      ),
      macro(
        'a macro of the last recipient at BODYEOB',
        'it was said of that recipient, not of the message',
        [say.mail(LOOKING), say.macros('R', 'm', 'one'), say.rcpt(), say.data(), say.eoh()],
        'rcpt(<rcpt@example.org>) data eoh',
        { libmilter: 'one,present', rxmilter: ',absent' },
      ),
      macro(
        'a macro of one recipient, where the next has an empty frame',
        'an empty frame says that there are none, and Postfix sends it to say so',
        [
          say.mail(LOOKING),
          say.macros('R', 'm', 'one'),
          say.rcpt(),
          say.macros('R'),
          say.rcpt('<two@example.org>'),
          say.data(),
          say.eoh(),
        ],
        'rcpt(<rcpt@example.org>) rcpt(<two@example.org>) data eoh',
        { libmilter: 'one,present', rxmilter: ',absent' },
      ),
    ]);

    it('HELO before the negotiation: who begins with it speaks another protocol', async () => {
      const firstReply = async (path: string): Promise<string | undefined> => {
        const wire = await Wire.open(path);
        try {
          wire.send(say.helo().bytes);
          return (await wire.next('a reply to HELO'))?.letter;
        } finally {
          wire.close();
        }
      };
      expect(await firstReply(pair().libmilter)).toBe('c');
      expect(await firstReply(pair().rxmilter)).toBeUndefined();
      expect(pair().takeErrors()).toEqual([expect.stringContaining('it came before the negotiation')]);
    });
  },
);
