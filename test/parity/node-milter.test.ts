import { Subject } from 'rxjs';
import { addHeader, compose, observe, on, perConnection, reject } from 'rxmilter';
import { describe, expect, it } from 'vitest';

import { type Reject } from '../../src/session/decisions.js';
import { added, serving } from '../docs/support/serving.js';
import { frame, said } from '../support/session-frames.js';
import { opened } from '../support/session-link.js';

describe('what node-milter offers: a filter', () => {
  it('listens where a text says, and asks for the rights that it is told', async () => {
    const send = await serving(
      on('eom', () => addHeader('X-Test', 'yes')),
      { rights: ['QUARANTINE', 'ADDHDRS', 'CHGFROM'] },
    );
    const delivery = await send();
    expect(delivery.agreement?.actions).toBe(0x61);
    expect(added(delivery)).toEqual(['X-Test: yes']);
  });

  it('has the ESMTP arguments of senders and recipients, which node-milter leaves out', async () => {
    const seen: unknown[] = [];
    const send = await serving(on(['mail', 'rcpt'], ({ args, params }) => void seen.push(args, params)));
    await send({
      sender: { address: 'a@b.test', args: ['SIZE=1234', 'SMTPUTF8'] },
      recipients: [{ address: 'c@d.test', args: ['NOTIFY=SUCCESS,DELAY', 'orcpt=rfc822;c@d.test'] }],
    });
    expect(seen).toEqual([
      ['SIZE=1234', 'SMTPUTF8'],
      { SIZE: '1234', SMTPUTF8: '' },
      ['NOTIFY=SUCCESS,DELAY', 'orcpt=rfc822;c@d.test'],
      { NOTIFY: 'SUCCESS,DELAY', ORCPT: 'rfc822;c@d.test' },
    ]);
  });

  it.each([
    ['shows a client over IPv4', 'C03', { family: 'inet', address: '192.0.2.25', port: 54321 }],
    ['shows a client over IPv6', 'C05', { family: 'inet6', address: '2001:db8::25', port: 25000 }],
    ['shows a client at a Unix socket', 'C06', { family: 'unix', address: '/run/smtp.sock', port: 0 }],
    ['shows a client of which nothing is known', 'C07', { family: 'unknown', address: '', port: 0 }],
  ])('%s', (_what, command, client) => {
    const seen: unknown[] = [];
    opened(on('connect', ({ family, address, port }) => void seen.push({ family, address, port }))).ask(
      command,
    );
    expect(seen).toEqual([client]);
  });

  it('decides later, while other connections go on', () => {
    const decision = new Subject<Reject>();
    const filter = on('rcpt', ({ args }) => (args.length > 0 ? decision : undefined));
    const [waiting, other] = [opened(filter), opened(filter)];
    expect(waiting.ask('C16')).toEqual([]);
    expect(other.ask('C35')).toEqual(said('R03'));
    decision.next(reject());
    decision.complete();
    expect(waiting.heard()).toEqual(said('R05'));
  });

  it('keeps what it needs of a connection in variables of its own', () => {
    const filter = perConnection(() => {
      let recipients = 0;
      return compose(
        observe('rcpt', () => void (recipients += 1)),
        on('eom', () => addHeader('X-Count', String(recipients))),
      );
    });
    const [first, second] = [opened(filter), opened(filter)];
    first.send('C16', 'C16');
    first.heard();
    expect(first.ask('C26')).toEqual(said(frame('h', 'X-Count\x002\0'), 'R03'));
    expect(second.ask('C26')).toEqual(said(frame('h', 'X-Count\x000\0'), 'R03'));
  });
});
