import { compose, on, reject, tempfail, sessionData } from 'rxmilter';
import { describe, expect, it } from 'vitest';

import { said } from '../support/session-frames.js';
import { type Link, opened } from '../support/session-link.js';

const rcpt = (mta: Link): string[] => mta.ask('C16');

describe('sessionData', () => {
  it('is shared by the filters of a connection, and by no other connection', () => {
    const strikes = sessionData(() => ({ count: 0 }));
    const filter = compose(
      on('mail', ({ session }) => (strikes.get(session).count > 1 ? tempfail() : undefined)),
      on('rcpt', ({ session }) => {
        strikes.get(session).count++;
        return reject();
      }),
    );
    const [one, two] = [opened(filter), opened(filter)];
    one.ask('C12');
    rcpt(one);
    rcpt(one);
    rcpt(two);
    expect([one.ask('C12'), two.ask('C12')]).toEqual([said('R06'), said('R03')]);
  });

  it('lasts from message to message, and not from one SMTP connection to the next on the same socket', () => {
    const count = sessionData(() => 0);
    const seen: number[] = [];
    const filter = on('mail', ({ session }) => {
      seen.push(count.get(session));
      count.set(session, count.get(session) + 1);
    });
    const mta = opened(filter);
    mta.send('C12', 'C28', 'C12', 'C30', 'C03', 'C12');
    expect(seen).toEqual([0, 1, 0]);
  });

  it.each([undefined, null, 'id', { session: {} }])('refuses %j, which is not a session', (given) => {
    const data = sessionData(() => 0);
    for (const call of [
      () => data.get(given as never),
      () => data.set(given as never, 1),
      () => data.delete(given as never),
    ]) {
      expect(call).toThrow(/^sessionData\(\): .* is not a session\. Give it event\.session\.$/);
    }
  });

  it('is made once, of the session, when it is first asked for, and again when it was deleted', () => {
    const made: string[] = [];
    const data = sessionData((session) => {
      made.push(session.id);
      return [session.client.address];
    });
    const filter = on('mail', ({ session }) => {
      expect(data.get(session)).toBe(data.get(session));
    });
    const mta = opened(filter);
    mta.send('C03');
    expect(made).toEqual([]);
    mta.send('C12', 'C12');
    const { info } = mta.session;
    expect(made).toEqual([info.id]);
    expect(data.get(info)).toEqual(['192.0.2.25']);
    data.delete(info);
    data.get(info);
    expect(made).toEqual([info.id, info.id]);
  });

  it('keeps what it is given, undefined included', () => {
    let calls = 0;
    const data = sessionData<number | undefined>(() => ++calls);
    const { info } = opened(on('mail', () => undefined)).session;
    data.set(info, undefined);
    expect([data.get(info), calls]).toEqual([undefined, 0]);
  });

  it('throws what making it throws, and tries again the next time', () => {
    let broken = true;
    const data = sessionData(() => {
      if (broken) throw new Error('no data');
      return 1;
    });
    const mta = opened(on('mail', ({ session }) => (data.get(session) === 1 ? reject() : undefined)));
    expect(mta.ask('C12')).toEqual(said('R06'));
    expect(mta.errors.map(({ message }) => message)).toEqual(['The filter failed at stage mail: no data']);
    broken = false;
    expect(mta.ask('C12')).toEqual(said('R05'));
  });
});
