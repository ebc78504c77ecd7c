import { map } from 'rxjs';
import { SMFIF, SMFIP, compose, observe, on, onMessage, type Flow, type Stage } from 'rxmilter';
import { describe, expect, test } from 'vitest';

import { COMMANDS } from '../../src/transport/wire/commands.js';
import { serving } from './support/serving.js';

interface Asked {
  readonly off?: readonly Stage[];
  readonly silent?: readonly Stage[];
  readonly flags?: number;
  readonly actions?: number;
}

/** All rights to change a message. */
const RIGHTS = 0x1ff & ~SMFIF.SETSYMLIST;

describe('the guide, on negotiation', () => {
  const NOTHING = ['mail', 'rcpt', 'data', 'header', 'eoh', 'body', 'unknown'] as const;

  test.each([
    ['no filter', compose(), { off: NOTHING, silent: ['connect', 'helo'] }],
    [
      'on("rcpt")',
      on('rcpt', () => undefined),
      { off: ['data', 'header', 'eoh', 'body', 'unknown'], silent: ['connect', 'helo', 'mail'] },
    ],
    [
      'observe("rcpt")',
      observe('rcpt', () => undefined),
      { off: ['data', 'header', 'eoh', 'body', 'unknown'], silent: ['connect', 'helo', 'mail', 'rcpt'] },
    ],
    [
      'observe("header") and on("eoh")',
      compose(
        observe('header', () => undefined),
        on('eoh', () => undefined),
      ),
      { off: ['mail', 'rcpt', 'data', 'body', 'unknown'], silent: ['connect', 'helo', 'header'] },
    ],
    [
      'on("body")',
      on('body', () => undefined),
      {
        off: ['mail', 'rcpt', 'data', 'header', 'eoh', 'unknown'],
        silent: ['connect', 'helo'],
        flags: SMFIP.SKIP,
      },
    ],
    ['on("eom")', on('eom', () => undefined), { off: NOTHING, silent: ['connect', 'helo'], actions: RIGHTS }],
    [
      'onMessage()',
      onMessage(() => undefined),
      {
        off: ['eoh', 'unknown'],
        silent: ['connect', 'helo', 'mail', 'rcpt', 'header', 'body'],
        actions: RIGHTS,
      },
    ],
    [
      'onMessage({ body: "none" })',
      onMessage({ body: 'none' }, () => undefined),
      {
        off: ['eoh', 'body', 'unknown'],
        silent: ['connect', 'helo', 'mail', 'rcpt', 'header'],
        actions: RIGHTS,
      },
    ],
    [
      'onMessage({ maxBytes })',
      onMessage({ maxBytes: 1024 }, () => undefined),
      {
        off: ['eoh', 'unknown'],
        silent: ['connect', 'helo', 'mail', 'rcpt', 'header'],
        flags: SMFIP.SKIP,
        actions: RIGHTS,
      },
    ],
    [
      'onMessage({ body: "stream" })',
      onMessage({ body: 'stream' }, () => undefined),
      {
        off: ['unknown'],
        silent: ['connect', 'helo', 'mail', 'rcpt', 'header', 'eoh'],
        flags: SMFIP.SKIP,
        actions: RIGHTS,
      },
    ],
    ["an operator of one's own", map((flow: Flow) => flow), { flags: SMFIP.SKIP, actions: 0xff }],
  ] as const)('with %s the MTA is asked for what it says', async (_name, filter, asked) => {
    const { off = [], silent = [], flags = 0, actions = 0 } = asked as Asked;
    const { agreement } = await (await serving(filter))();
    // This is over TCP, where DATA is answered, wanted or not.
    const protocol = [
      ...off.filter((stage) => stage !== 'data').map((stage) => COMMANDS[stage].no),
      ...silent.map((stage) => COMMANDS[stage].nr),
    ];
    expect(agreement?.protocol).toBe(protocol.reduce((left, right) => left | right, flags));
    expect(agreement?.actions).toBe(actions);
  });
});
