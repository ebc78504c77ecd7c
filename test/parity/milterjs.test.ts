import {
  addHeader,
  changeSender,
  compose,
  observe,
  on,
  reject,
  replaceBody,
  serve,
  tempfail,
} from 'rxmilter';
import { MtaSession } from 'rxmilter/mta';
import { describe, expect, it, onTestFinished } from 'vitest';

import { senderTo, serving } from '../docs/support/serving.js';
import { frame, optneg, said } from '../support/session-frames.js';
import { link, opened } from '../support/session-link.js';

const MAIL = { sender: 'a@b.test', recipients: ['c@d.test'] };

describe('what milterjs offers: rxmilter', () => {
  it('asks the filters of an event one after the other, until one has decided', () => {
    const asked: string[] = [];
    const filter = compose(
      on('helo', () => void asked.push('first')),
      on('helo', () => {
        asked.push('second');
        return reject();
      }),
      on('helo', () => void asked.push('third')),
    );
    expect(opened(filter).ask('C10')).toEqual(said('R05'));
    expect(asked).toEqual(['first', 'second']);
  });

  it('listens on the port and the host of an object', async () => {
    const server = await serve(
      on('rcpt', () => reject()),
      { listen: { host: '127.0.0.1', port: 0 } },
    );
    expect((await senderTo(server)()).outcome).toBe('refused');
  });

  it('lets all mail through that no filter decides about', async () => {
    expect(await (await serving(compose()))()).toMatchObject({ outcome: 'delivered', modifications: [] });
  });

  it('goes on with the connection after an abort', () => {
    const mta = opened(on('mail', () => reject()));
    expect(mta.ask('C12', 'C28', 'C12')).toEqual(said('R05', 'R05'));
    expect(mta.io.state).toBe('open');
  });

  it('answers an unknown command by itself where no filter does', () => {
    // An MTA that does not offer to leave the event out.
    const mta = link(on('mail', () => undefined));
    mta.ask(optneg(6, 0x1ff, 0x1fffff & ~0x100));
    expect(mta.ask('C31')).toEqual(said('R03'));
  });

  it('gives errors to onError, and goes on without a listener for them', async () => {
    const errors: unknown[] = [];
    const send = await serving(
      on('rcpt', () => {
        throw new Error('did not expect that');
      }),
      { onError: (error, { stage }) => void errors.push([stage, error.cause]) },
    );
    expect((await send()).outcome).toBe('deferred');
    expect(errors).toEqual([['rcpt', new Error('did not expect that')]]);
  });

  it('knows the version of the protocol, all macros by their names, and an id of the connection', () => {
    const seen: unknown[] = [];
    const see = observe('mail', ({ session }) => {
      seen.push([session.version, session.macros.all()]);
    });
    const [first, second] = [opened(see), opened(see)];
    first.send('C08', 'C03', 'C11', 'C12');
    expect(seen).toEqual([
      [6, { j: 'mx.example.org', daemon_name: 'MTA', i: '4XyZ1k2Lm3z9', auth_authen: 'alice' }],
    ]);
    expect(first.session.info.id).not.toBe(second.session.info.id);
  });

  it('forgets the macros of a message with the message', () => {
    const mta = opened(on('helo', () => undefined));
    mta.send('C11', 'C12', 'C28', 'C10');
    expect(mta.session.info.macros.get('auth_authen')).toBeUndefined();
  });

  it('refuses or defers with a code and a text', () => {
    const texts = [
      reject({ code: 551, text: 'User not local' }),
      tempfail({ code: 450, text: '50% busy' }),
    ].map((decision) => opened(on('rcpt', () => decision)).ask('C16'));
    expect(texts).toEqual([said(frame('y', '551 User not local\0')), said(frame('y', '450 50%% busy\0'))]);
  });

  it('changes the sender by the letter that the protocol has for it', () => {
    // milterjs writes an s, which since version 6 of the protocol means to skip.
    const [change] = opened(on('eom', () => changeSender('bounce@example.com'))).ask('C26');
    expect([change]).toEqual(said(frame('e', '<bounce@example.com>\0\0')));
  });

  it('replaces the body by several pieces, one after the other, with bytes for bytes', async () => {
    const send = await serving(
      on('eom', () => replaceBody(['Good \r\n', Buffer.from('caf\xe9\r\n', 'latin1'), 'bye\r\n'])),
    );
    expect((await send()).body.toString('latin1')).toBe('Good \r\ncaf\xe9\r\nbye\r\n');
  });

  it('takes several messages on one connection', async () => {
    const server = await serve(
      on('eom', () => addHeader('X-Test', 'yes')),
      { listen: 'inet:0@127.0.0.1' },
    );
    onTestFinished(() => server.destroy());
    const session = await MtaSession.open({ to: server.address });
    for (let count = 0; count < 3; count++) {
      expect((await session.send(MAIL)).headers.at(-1)).toMatchObject({ name: 'X-Test', value: 'yes' });
    }
    await session.close();
  });
});
