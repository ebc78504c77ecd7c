import type { Stage } from 'rxmilter';
import { describe, expect, it } from 'vitest';

import { describePair } from './support/describe-pair.js';
import { frame, shown, u32 } from './support/frames.js';
import type { Pair } from './support/pair.js';
import { Wire } from './support/wire.js';

/** Version, actions and protocol flags. */
type Words = readonly [version: number, actions: number, protocol: number];

const CLOSED = 'closed';
const ALL: readonly Stage[] = [
  'connect',
  'helo',
  'mail',
  'rcpt',
  'data',
  'header',
  'eoh',
  'body',
  'eom',
  'unknown',
];
const LOOKED_AT: readonly Stage[] = ALL.filter((stage) => stage !== 'eom');

/** Offers of the MTAs that there are, and others that both have to cope with. */
const OFFERS: Readonly<Record<string, Words>> = {
  'Sendmail 8.14 and later, Postfix 2.6 and later': [6, 0x1ff, 0x1fffff],
  'Postfix with version 4': [4, 0x1ff, 0x37f],
  'Postfix with version 3': [3, 0x1ff, 0x17f],
  'Postfix with version 2': [2, 0x1ff, 0x7f],
  'Sendmail 8.13': [2, 0x3f, 0x7f],
  'Sendmail 8.12': [2, 0x1f, 0x7f],
  'Postfix 2.5 with version 6': [6, 0x13f, 0x1ff7ff],
  'a version that does not exist yet': [7, 0x1ff, 0x1fffff],
  'version 5': [5, 0x1ff, 0x37f],
  'version 6 without a flag for replies': [6, 0x1ff, 0x77f],
  'version 6 with some flags for replies': [6, 0x1ff, 0x4d77f],
  'bits that mean nothing': [6, 0x1ff, 0x401fffff],
  'a few actions': [6, 0x11, 0x1fffff],
  'no actions at all': [6, 0, 0x1fffff],
};

/** The answer to an offer as `version actions protocol` and what follows, in hexadecimal. */
async function answer(path: string, offer: readonly number[] | Buffer): Promise<string> {
  const wire = await Wire.open(path);
  try {
    wire.send(Buffer.isBuffer(offer) ? offer : frame('O', ...Array.from(offer, u32)));
    const reply = await wire.next('the answer to the negotiation');
    if (reply === undefined) return CLOSED;
    const { data } = reply;
    if (reply.letter !== 'O' || data.length < 12) return shown(reply);
    const words = [0, 4, 8].map((at) => data.readUInt32BE(at).toString(16));
    const lists = data.length > 12 ? [shown({ letter: 'lists', data: data.subarray(12) })] : [];
    return [...words, ...lists].join(' ');
  } finally {
    wire.close();
  }
}

/** What both answer where they agree. */
function itAgrees(pair: () => Pair, expected: Readonly<Record<string, string>>): void {
  it.each(Object.entries(expected))('to %s', async (name, words) => {
    const offer = OFFERS[name] ?? [0, 0, 0];
    expect(await answer(pair().libmilter, offer)).toBe(words);
    expect(await answer(pair().rxmilter, offer)).toBe(words);
  });
}

/** What each of them answers where they do not, and why. */
function itAnswers(
  pair: () => Pair,
  name: string,
  offer: readonly number[] | Buffer,
  libmilter: string,
  rxmilter: string,
  errors: readonly string[] = [],
): void {
  it(name, async () => {
    expect(await answer(pair().libmilter, offer)).toBe(libmilter);
    expect(await answer(pair().rxmilter, offer)).toBe(rxmilter);
    expect(pair().takeErrors()).toEqual(errors.map((part): unknown => expect.stringContaining(part)));
  });
}

const CURRENT: Words = [6, 0x1ff, 0x1fffff];

describe('The negotiation of rxmilter', () => {
  describePair('answers as that of libmilter where all is decided,', { decided: ALL }, (pair) => {
    itAgrees(pair, {
      'Sendmail 8.14 and later, Postfix 2.6 and later': '6 ff 400',
      'Postfix with version 4': '4 ff 0',
      'Postfix with version 3': '3 ff 0',
      'Postfix with version 2': '2 ff 0',
      'Sendmail 8.13': '2 3f 0',
      'Sendmail 8.12': '2 1f 0',
      'Postfix 2.5 with version 6': '6 3f 400',
      'a version that does not exist yet': '6 ff 400',
      'version 5': '5 ff 0',
      'version 6 without a flag for replies': '6 ff 400',
      'version 6 with some flags for replies': '6 ff 400',
      'bits that mean nothing': '6 ff 400',
      'a few actions': '6 11 400',
      'no actions at all': '6 f 400',
    });
    itAnswers(
      pair,
      'with the larger of the sizes that are offered, as builds of libmilter do that know them,',
      [6, 0x1ff, 0x301fffff],
      '6 ff 400',
      '6 ff 400',
    );
    itAnswers(pair, 'to version 1', [1, 0x1ff, 0x1fffff], CLOSED, CLOSED, ['2 is the oldest there is']);
    itAnswers(pair, 'to version 0', [0, 0x1ff, 0x1fffff], CLOSED, CLOSED, ['2 is the oldest there is']);
    const short = frame('O', u32(6), u32(0x1ff));
    itAnswers(pair, 'to an offer of two words', short, CLOSED, CLOSED, ['']);
  });

  describePair(
    'answers as that of libmilter where all but the end is only looked at,',
    { decided: ['eom'], observed: LOOKED_AT },
    (pair) => {
      itAgrees(pair, {
        'Sendmail 8.14 and later, Postfix 2.6 and later': '6 ff ff080',
        'Postfix with version 4': '4 ff 0',
        'Postfix with version 2': '2 ff 0',
        'version 6 without a flag for replies': '6 ff 0',
        'version 6 with some flags for replies': '6 ff 4d000',
      });
    },
  );

  describePair(
    'answers as that of libmilter where nothing but the sender is looked at,',
    {
      decided: ['eom'],
      observed: ['connect', 'helo', 'mail'],
      actions: 0x01,
      options: { rights: ['ADDHDRS'] },
    },
    (pair) => {
      itAgrees(pair, {
        'Sendmail 8.14 and later, Postfix 2.6 and later': '6 1 7378',
        'Postfix with version 4': '4 1 378',
        'Postfix with version 3': '3 1 178',
        'Postfix with version 2': '2 1 78',
        'version 6 with some flags for replies': '6 1 5378',
      });
    },
  );

  // A connection that is closed leaves it to the MTA whether mail passes unfiltered.
  describePair(
    'refuses with an answer what that of libmilter refuses without one, where a right is required:',
    { decided: ALL, mode: 'plain', actions: 0xc0, options: { requireRights: ['CHGFROM', 'ADDRCPT_PAR'] } },
    (pair) => {
      const lacking = ['needs the right CHGFROM, the option requireRights needs the right ADDRCPT_PAR'];
      itAnswers(pair, 'an offer of neither', [6, 0x3f, 0x1fffff], CLOSED, '6 0 0', lacking);
      const other = ['the option requireRights needs the right ADDRCPT_PAR'];
      itAnswers(pair, 'an offer of the other', [6, 0x7f, 0x1fffff], CLOSED, '6 0 0', other);
    },
  );

  describePair(
    'differs on purpose from that of libmilter:',
    { decided: ['rcpt', 'eoh', 'eom'], mode: 'plain', actions: 0x3f },
    (pair) => {
      itAnswers(
        pair,
        'client, HELO and sender are known at RCPT, so they are asked for without a reply, not switched off',
        CURRENT,
        '6 3f 337',
        '6 ff 7330',
      );
      itAnswers(
        pair,
        'no protocol flags offered means none, for an MTA that has none would not heed them',
        [6, 0x3f, 0],
        '6 3f 37',
        '6 3f 0',
      );
      itAnswers(
        pair,
        'rights that are not offered are missed when they are needed, unless they are required',
        [2, 0x1f, 0x7f],
        CLOSED,
        '2 1f 30',
      );
    },
  );

  describePair(
    'differs on purpose from that of libmilter with all options:',
    { decided: ALL, mode: 'all', actions: 0xff },
    (pair) => {
      itAnswers(
        pair,
        'the right to ask for macros is taken only where some are asked for',
        CURRENT,
        '6 1ff 400',
        '6 ff 400',
      );
    },
  );

  describePair(
    'differs on purpose from that of libmilter in what macros it asks for:',
    {
      decided: ALL,
      actions: 0x1ff,
      lists: [
        [3, '{rcpt_addr}'],
        [5, 'i {msg_id}'],
      ],
      options: { macros: { rcpt: ['{rcpt_addr}'], eom: ['i', '{msg_id}'] } },
    },
    (pair) => {
      const asked = '\\00\\00\\00\\03{rcpt_addr}\\00\\00\\00\\00\\05i {msg_id}\\00';
      itAnswers(
        pair,
        'those of EOM are asked for at EOH too, for Sendmail mixes the two up',
        CURRENT,
        `6 1ff 400 lists ${asked}`,
        `6 1ff 400 lists ${asked}\\00\\00\\00\\06i {msg_id}\\00`,
      );
      itAnswers(
        pair,
        'an MTA that does not offer it is not asked, for it may take the lists for an error',
        [6, 0xff, 0x1fffff],
        `6 ff 400 lists ${asked}`,
        '6 ff 400',
      );
      itAnswers(
        pair,
        'an MTA of an old version is not asked',
        [2, 0x3f, 0x7f],
        `2 3f 0 lists ${asked}`,
        '2 3f 0',
      );
    },
  );
});
