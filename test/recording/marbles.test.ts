import { map } from 'rxjs';
import { on, reject } from 'rxmilter';
import { type RecordedSession, replay } from 'rxmilter/recording';
import { marbles } from 'rxmilter/testing';
import { describe, test } from 'vitest';

const SESSION: RecordedSession = {
  id: '1',
  frames: [
    { ms: 0, from: 'mta', message: { type: 'optneg', version: 6, actions: 0, protocol: 0, lists: [] } },
    { ms: 2, from: 'mta', message: { type: 'helo', text: 'client.example' } },
    { ms: 5, from: 'mta', message: { type: 'rcpt', address: '<mallory@example.org>', args: [] } },
    { ms: 9, from: 'mta', message: { type: 'quit' } },
  ],
};

describe('a recording in a drawing', () => {
  test(
    'is played in virtual time, through the filter',
    marbles(({ flow }) => {
      const filter = on('rcpt', () => reject('No such user'));
      const kinds = replay(SESSION).pipe(
        filter,
        map((one) => (one.stage === 'reply' ? one.decision.kind : one.stage)),
      );
      flow.expect(kinds).toBe('--h--r---(ac|)', { h: 'helo', r: 'reject', a: 'abort', c: 'close' });
    }),
  );
});
