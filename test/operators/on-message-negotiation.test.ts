import { compose, type Filter, observe, onMessage, on, addHeader } from 'rxmilter';
import { simulate, type SimulateOptions } from 'rxmilter/testing';
import { describe, expect, it } from 'vitest';

import { give } from './support/mails.js';
import { expectQuiet } from './support/quiet.js';

const pass = (): undefined => undefined;
const buffer = onMessage(pass);
const none = onMessage({ body: 'none' }, pass);
const stream = onMessage({ body: 'stream' }, async ({ body }) => {
  for await (const _piece of body) continue;
});
const prefix = onMessage({ maxBytes: 10 }, pass);

/** What an MTA does at the stages of a message and before: waits for an answer, tells without waiting, or nothing. */
async function stages(filter: Filter, options: SimulateOptions = {}): Promise<string> {
  const mta = await simulate(filter, options);
  await mta.close();
  const { negotiated } = mta;
  const flags = negotiated.protocol.includes('SKIP') ? ' and skip' : '';
  const shown = Object.entries(negotiated.stages).flatMap(([stage, how]) =>
    how === 'not sent' ? [] : [`${stage}${how === 'asked' ? '!' : ''}`],
  );
  return `${shown.join(' ')}${flags}`;
}

describe('onMessage asks an MTA', () => {
  expectQuiet();

  it.each([
    ['not to wait for anything but the end', buffer, 'connect helo mail rcpt header body eom!'],
    ['for no body where it wants none', none, 'connect helo mail rcpt header eom!'],
    [
      'to wait for each piece of a prefix, and to skip',
      prefix,
      'connect helo mail rcpt header body! eom! and skip',
    ],
    ['the same of a stream', stream, 'connect helo mail rcpt header eoh body! eom! and skip'],
    ['for what two of it need together', compose(none, buffer), 'connect helo mail rcpt header body eom!'],
    [
      'for what those beside it need, too',
      compose(none, on('rcpt', pass), observe('data', pass)),
      'connect helo mail rcpt! data header eom!',
    ],
  ])('%s', async (_name, filter, asked) => {
    expect(await stages(filter)).toBe(asked);
  });

  it('for all rights that it may need, and for those of others', async () => {
    const mta = await simulate(none);
    await mta.close();
    expect(mta.negotiated.rights).toEqual(
      expect.arrayContaining([
        'ADDHDRS',
        'CHGHDRS',
        'CHGBODY',
        'ADDRCPT',
        'DELRCPT',
        'QUARANTINE',
        'CHGFROM',
      ]),
    );
  });

  it('of an older version for what there was by then, and waits with it', async () => {
    const offer = { version: 2, actions: 0x3f, protocol: 0x7f };
    expect(await stages(buffer, { offer })).toBe('connect! helo! mail! rcpt! header! body! eom!');
    expect(await stages(none, { offer })).toBe('connect! helo! mail! rcpt! header! eom!');
  });

  it('that does not offer to go on without waiting for what that MTA can do', async () => {
    const nr = 0x0ff880;
    expect(await stages(none, { offer: { version: 6, protocol: 0x1fffff & ~nr } })).toBe(
      'connect! helo! mail! rcpt! header! eom!',
    );
  });
});

describe('a message with a body of three pieces costs an MTA', () => {
  expectQuiet();

  const body = Buffer.alloc(3 * 65_535, 'x');
  const mail = {
    body,
    recipients: ['a@a.test', 'b@a.test'],
    headers: [
      ['A', '1'],
      ['B', '2'],
    ],
  } as const;
  const old = { offer: { version: 2, actions: 0x3f, protocol: 0x7f } };

  it.each<[string, Filter, number, SimulateOptions]>([
    ['one round where it is collected', buffer, 1, {}],
    ['one without its body', none, 1, {}],
    ['one with three filters that collect it', compose(buffer, none, buffer), 1, {}],
    [
      'one with a filter that looks at everything',
      compose(buffer, observe(['mail', 'body', 'eom'], pass)),
      1,
      {},
    ],
    ['two with a prefix', prefix, 2, {}],
    ['two with a stream that is left alone', onMessage({ body: 'stream' }, pass), 2, {}],
    ['one for each piece of a stream, and one', stream, 4, {}],
    ['one for each piece where another filter wants all of them', compose(prefix, buffer), 4, {}],
    // Of version 2: connect, helo, mail, two of rcpt, two of header, three of body, eom.
    ['one for each event where it cannot but wait', buffer, 11, old],
    ['one for each that is wanted', none, 8, old],
    ['one for each piece of a prefix where it cannot skip', prefix, 11, old],
  ])('%s', async (_name, filter, rounds, options) => {
    expect((await give(filter, mail, options)).rounds).toBe(rounds);
  });

  it('as little with more of them on one connection', async () => {
    const mta = await simulate(
      compose(
        none,
        onMessage(() => addHeader('X-A', '1')),
      ),
    );
    for (let message = 0; message < 3; message++) {
      const { rounds, outcome } = await mta.send({ sender: 'a@a.test', ...mail });
      expect([rounds, outcome]).toEqual([1, 'delivered']);
    }
    await mta.close();
  });

  it('nothing for a body that is not sent', async () => {
    const mta = await simulate(none);
    await mta.send({ sender: 'a@a.test', ...mail });
    expect(mta.lines.filter((line) => line.startsWith('> body'))).toEqual([]);
    expect(mta.lines.filter((line) => line.startsWith('< continue'))).toHaveLength(1);
    await mta.close();
  });
});
