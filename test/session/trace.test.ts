import { on, type TraceEntry, reject, addHeader } from 'rxmilter';
import { describe, expect, it, vi } from 'vitest';

import { frame, said } from '../support/session-frames.js';
import { link } from '../support/session-link.js';

describe('trace', () => {
  it('gets every frame in the order in which they are read and written', () => {
    const lines: string[] = [];
    const trace = ({ from, text }: TraceEntry): void => void lines.push(`${from}: ${text}`);
    const filter = on(['rcpt', 'eom'], ({ stage }) =>
      stage === 'rcpt' ? reject('No such user here') : undefined,
    );
    link(filter, { trace }).send('C01', 'C08', 'C03', 'C12', 'C16', 'C26', 'C29');
    expect(lines).toEqual([
      'mta: optneg version 6 actions 0x1ff protocol 0x1fffff',
      expect.stringMatching(/^filter: optneg version 6 actions 0xff protocol 0x[0-9a-f]+$/),
      'mta: macro C j=mx.example.org {daemon_name}=MTA',
      'mta: connect mail.example.com inet 192.0.2.25 54321',
      'mta: mail <alice@example.com> SIZE=1234 BODY=8BITMIME',
      'mta: rcpt <bob@example.org> NOTIFY=NEVER',
      'filter: replycode 550 5.7.1 No such user here',
      'mta: eom',
      'filter: continue',
      'mta: quit',
    ]);
  });

  it('gets the name, the data and the session of each', () => {
    const entries: [string, string, string][] = [];
    const trace = ({ session, name, data }: TraceEntry): void =>
      void entries.push([session.id, name, Buffer.from(data).toString('latin1')]);
    const mta = link(
      on('eom', () => addHeader('X-Test', 'yes')),
      { trace },
    );
    mta.send('C01', 'C26');
    const { id } = mta.session.info;
    expect(entries.slice(2)).toEqual([
      [id, 'eom', ''],
      [id, 'addHeader', 'X-Test\0yes\0'],
      [id, 'continue', ''],
    ]);
  });

  it('gets the end of a message with a last piece of the body once, also where that has to wait', async () => {
    const lines: string[] = [];
    const trace = ({ text }: TraceEntry): void => void lines.push(text);
    const seen: string[] = [];
    const filter = on(['body', 'eom'], async ({ stage }) => {
      await Promise.resolve();
      seen.push(stage);
    });
    const mta = link(filter, { trace });
    mta.send('C01', 'C27');
    await vi.waitFor(() => {
      expect(seen).toEqual(['body', 'eom']);
    });
    expect(lines.filter((line) => line.startsWith('eom'))).toHaveLength(1);
  });

  it('costs nothing but itself where it throws: that is reported once, and it is not called again', () => {
    let calls = 0;
    const mta = link(
      on('rcpt', () => undefined),
      {
        trace: () => {
          calls++;
          throw new Error('disk full');
        },
      },
    );
    mta.ask('C01');
    expect(mta.ask('C16')).toEqual(said('R03'));
    expect(calls).toBe(1);
    expect(mta.errors.map(({ message }) => message)).toEqual([
      'The trace function failed, and is not called again: disk full',
    ]);
  });

  it('leaves a malformed frame to the error that it causes', () => {
    const names: string[] = [];
    const mta = link(
      on('rcpt', () => undefined),
      { trace: ({ name }) => void names.push(name) },
    );
    mta.send('C01', frame('M', '<a@b>'));
    expect(names).toEqual(['optneg', 'optneg']);
    expect(mta.errors).toHaveLength(1);
  });
});
