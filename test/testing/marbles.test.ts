import { concatMap, interval, map, of, take, throwError, timer } from 'rxjs';
import { compose, on, reject, type Flow } from 'rxmilter';
import { DrawingError, abort, eom, marbles, rcpt, replyTo, session } from 'rxmilter/testing';
import { describe, expect, it } from 'vitest';

import { failureOf } from './support/failure-of.js';

const f = rcpt('friend@b.test');
const s = rcpt('stranger@b.test');
const filter = on('rcpt', ({ address }) => address === s.address && reject('Who?'));

/** The message of a drawing that fails. */
function told(...drawing: Parameters<typeof marbles>): string {
  return failureOf(marbles(...drawing)).message;
}

describe('marbles', () => {
  it(
    'draws what flows through a filter, and when its source was subscribed to',
    marbles(({ flow, subscriptions }) => {
      const source = flow.hot('         -f-s-|', { f, s });
      flow.expect(filter(source)).toBe('-f-S-|', { S: replyTo(s, reject('Who?')) });
      subscriptions(source).toBe('      ^----!');
    }),
  );

  it(
    'draws streams of anything, cold and hot, and times',
    marbles(({ hot, cold, flow, time }) => {
      const late = time('            ---|');
      const names = hot('            a-b-|');
      const numbers = cold('         x-y|', { x: 1, y: 2 });
      flow.expect(names).toBe('      a-b-|', { a: 'a', b: 'b' });
      flow.expect(numbers).toBe('    x-y|', { x: 1, y: 2 });
      flow.expect(timer(late)).toBe('---(t|)', { t: 0 });
    }),
  );

  it(
    'runs the timers of RxJS in virtual time, minutes in no time',
    marbles(({ flow }) => {
      const source = flow.hot('       f 59999ms |', { f });
      const slow = on('rcpt', () => timer(60_000).pipe(map(() => reject())));
      flow.expect(slow(source)).toBe('60s (R|)', { R: replyTo(f, reject()) });
    }),
  );

  it(
    'takes an abort, errors, and when to unsubscribe',
    marbles(({ flow, subscriptions }) => {
      const failure = new Error('broken');
      const source = flow.hot('                   -f-x-#', { f, x: abort() }, failure);
      const pending = on('rcpt', () => timer(10).pipe(map(() => reject())));
      flow.expect(pending(source)).toBe('         ---x-#', {}, failure);
      flow.expect(source, '           ^-!').toBe('-f-');
      subscriptions(source).toBe('                ^----!', '^-!');
    }),
  );

  it(
    'draws sources that begin when they are subscribed to',
    marbles(({ flow, subscriptions }) => {
      const source = flow.cold('                          -f|', { f });
      flow.expect(filter(source), '           --^').toBe('---f|');
      subscriptions(source).toBe('                        --^-!');
    }),
  );

  it(
    'says that a source was never subscribed to',
    marbles(({ cold, subscriptions }) => {
      subscriptions(cold('a|')).toBe();
    }),
  );

  it('lets what was run so far be looked at', () => {
    const seen: number[] = [];
    marbles(({ flow, flush }) => {
      flow
        .expect(
          interval(1).pipe(
            take(2),
            map((n) => (seen.push(n), n)),
          ),
        )
        .toBe('-a(b|)', { a: 0, b: 1 });
      expect(seen).toEqual([]);
      flush();
      expect(seen).toEqual([0, 1]);
    })();
  });

  it(
    'compares with the matchers of a test runner',
    marbles(({ flow }) => {
      flow.expect(filter(flow.hot('-s-|', { s }))).toBe('-S-|', {
        S: expect.objectContaining({ stage: 'reply' }),
      });
    }),
  );

  it('compares with the expect of a test runner, which counts it', () => {
    expect.assertions(2);
    marbles(
      ({ flow }) =>
        flow.expect(filter(flow.hot('-f-s|', { f, s }))).toBe('-f-S|', { S: replyTo(s, reject('Who?')) }),
      {
        expect,
      },
    )();
  });

  it('can be run again, and leaves real time behind when it fails', async () => {
    const body = marbles(({ flow }) => {
      flow.expect(of(1)).toBe('(a|)', { a: 2 });
    });
    expect(failureOf(body).message).toBe(failureOf(body).message);
    // A timer that were still virtual would never go off.
    await new Promise((resolve) => timer(0).subscribe(resolve));
  });
});

describe('a drawing that is not what came out', () => {
  it('has both diagrams one above the other, and the first difference', () => {
    const failure = failureOf(
      marbles(({ flow }) => {
        const source = flow.hot('         -f-s-|', { f, s });
        flow.expect(filter(source)).toBe('-f-s-|');
      }),
    );
    expect(failure).toBeInstanceOf(DrawingError);
    expect(failure.message.split('\n')).toEqual([
      "flow.expect(…).toBe('-f-s-|') is not what came out:",
      '',
      '  expected  -f-s-|',
      '  actual    -f-A-|',
      '               ^',
      'At 3 ms:',
      '  expected  s  rcpt <stranger@b.test>',
      '  actual    A  reply to rcpt <stranger@b.test>: reject 550 5.7.1 Who?',
    ]);
  });

  it('has all of both as text, for the comparison of a test runner', () => {
    expect(
      failureOf(
        marbles(({ flow }) => {
          flow.expect(filter(flow.hot('-f-s-|', { f, s }))).toBe('-f-s-|');
        }),
      ),
    ).toMatchObject({
      expected: [
        '    1 ms  f  rcpt <friend@b.test>',
        '    3 ms  s  rcpt <stranger@b.test>',
        '    5 ms  |  completes',
      ].join('\n'),
      actual: [
        '    1 ms  f  rcpt <friend@b.test>',
        '    3 ms  A  reply to rcpt <stranger@b.test>: reject 550 5.7.1 Who?',
        '    5 ms  |  completes',
      ].join('\n'),
    });
  });

  it('points at the line of the test', () => {
    const { stack = '' } = failureOf(
      marbles(({ flow }) => {
        flow.expect(of(1)).toBe('|');
      }),
    );
    const [first = ''] = stack.split('\n').filter((line) => line.startsWith('    at '));
    expect(first).toContain('marbles.test.ts');
  });

  it('says where in a value it is, where the words for it are the same', () => {
    const other = { ...f, session: session({ helo: 'other.example' }) };
    expect(
      told(({ flow }) => {
        flow.expect(flow.hot('f|', { f })).toBe('g|', { g: other });
      }),
    ).toContain("\n  first at  .session.helo: expected 'other.example', actual 'client.example'");
  });

  it.each([
    ['later', '-f|', '--f|', ['-f|', '--f|', ' ^', 'At 1 ms:', 'f  rcpt <friend@b.test>', 'nothing']],
    ['sooner', '--f|', '-f|', ['--f|', '-f|', ' ^', 'At 1 ms:', 'nothing', 'f  rcpt <friend@b.test>']],
    ['not at all', 'f-|', '--|', ['f-|', '--|', '^', 'At 0 ms:', 'f  rcpt <friend@b.test>', 'nothing']],
    [
      'once too often',
      'f--|',
      'f-f|',
      ['f--|', 'f-f|', '  ^', 'At 2 ms:', 'nothing', 'f  rcpt <friend@b.test>'],
    ],
    ['without an end', 'f-|', 'f', ['f-|', 'f', '  ^', 'At 2 ms:', '|  completes', 'nothing']],
    ['with an error', 'f-|', 'f-#', ['f-|', 'f-#', '  ^', 'At 2 ms:', '|  completes', "#  'error'"]],
  ])('shows what came %s', (_what, expected, actual, shown) => {
    const lines = told(({ flow }) => {
      flow.expect(flow.hot(actual, { f })).toBe(expected, { f });
    }).split('\n');
    const [top, bottom, mark, ...rest] = lines.slice(2, 8);
    expect([
      top?.slice(12),
      bottom?.slice(12),
      mark?.slice(12),
      rest[0],
      rest[1]?.slice(12),
      rest[2]?.slice(12),
    ]).toEqual(shown);
  });

  it('keeps groups and pauses in line', () => {
    const lines = told(({ flow }) => {
      const source = flow.hot('                                   -(fs)- 500ms f|', { f, s });
      flow.expect(source.pipe(concatMap((one) => of(one)))).toBe('-f 500ms ----f|');
    }).split('\n');
    expect(lines.slice(2, 8)).toEqual([
      '  expected  -f--- 501ms f|',
      '  actual    -(fs) 501ms f|',
      '             ^',
      'At 1 ms:',
      '  expected  nothing',
      '  actual    s  rcpt <stranger@b.test>',
    ]);
  });

  it('says that promises do not settle where one is waited for', () => {
    const waits = on('rcpt', () => Promise.resolve(reject()));
    expect(
      told(({ flow }) => {
        flow.expect(waits(flow.hot('-f-|', { f }))).toBe('-F-|', { F: replyTo(f, reject()) });
      }),
    ).toMatch(/actual {4}\(nothing\)[^]*In a drawing no promise settles.*simulate\(\)/);
  });

  it('says which of several expectations it is', () => {
    expect(
      told(({ flow }) => {
        const source = flow.hot('         f-s|', { f, s });
        flow.expect(source).toBe('        f-s|');
        flow.expect(filter(source)).toBe('f-f|');
      }),
    ).toMatch(/^flow\.expect\(…\)\.toBe\('f-f\|'\)/);
  });

  it('shows when a source was subscribed to instead', () => {
    const lines = told(({ flow, subscriptions }) => {
      const source = flow.hot('        -f--|', { f });
      flow.expect(source, '^-!').toBe('-f');
      subscriptions(source).toBe('     ^---!', '--^-!');
    }).split('\n');
    expect(lines).toEqual([
      "subscriptions(…).toBe('^---!', '--^-!') is not how it was subscribed to:",
      '',
      '  expected  ^---!',
      '            --^-!',
      '  actual    ^-!',
    ]);
    expect(
      told(({ cold, subscriptions }) => {
        subscriptions(cold('  a|')).toBe('^!');
      }),
    ).toMatch(/actual {4}not at all$/);
  });

  it('has the failure of the expect that it was given as its cause', () => {
    const failure = failureOf(marbles(({ flow }) => flow.expect(of(1)).toBe('(a|)', { a: 2 }), { expect }));
    expect(failure.message).toContain('actual    (A|)');
    expect(failure.cause).toMatchObject({ name: 'AssertionError' });
  });
});

describe('a drawing that makes no sense', () => {
  it('has a letter that is nothing', () => {
    expect(told(({ flow }) => void flow.hot('-f-g-|', { f }))).toBe(
      "flow.hot '-f-g-|': nothing says what the letter g is. Give it beside the diagram, as { g: … }; bound so far: f.",
    );
    expect(told(({ hot }) => void hot('-a-b|', { a: 1 }))).toMatch(
      /^hot '-a-b\|': nothing says what the letter b is/,
    );
  });

  it('has a letter that is two things', () => {
    expect(
      told(({ flow }) => {
        flow.expect(flow.hot('f|', { f })).toBe('f|', { f: s });
      }),
    ).toBe(
      'toBe: the letter f cannot be rcpt <stranger@b.test>; in this drawing it is rcpt <friend@b.test> already. Take another letter.',
    );
  });

  it('binds a word', () => {
    expect(told(({ flow }) => void flow.hot('f|', { f, friend: f }))).toMatch(
      /^flow\.hot: "friend" is no letter/,
    );
  });

  it('expects nothing', () => {
    expect(told(({ flow }) => void flow.expect(of(1)))).toMatch(/^flow\.expect\(\) no\. 1 expects nothing/);
    expect(told(({ cold, subscriptions }) => void subscriptions(cold('a|')))).toMatch(
      /^subscriptions\(\) no\. 1/,
    );
  });

  it('is async', () => {
    const body: () => unknown = () => Promise.resolve();
    expect(told(body)).toMatch(/^The body of marbles\(\) is async/);
  });

  it('passes on what its body throws', () => {
    expect(
      failureOf(
        marbles(() => {
          throw new RangeError('mine');
        }),
      ),
    ).toEqual(new RangeError('mine'));
  });

  it('draws what fails as such', () => {
    expect(
      told(({ flow }) => {
        flow.expect(throwError(() => new Error('broken'))).toBe('|');
      }),
    ).toContain('#  Error: broken');
  });
});

it('takes filters that are composed', () => {
  const e = eom();
  marbles(({ flow }) => {
    const source = flow.hot('                          -s-e|', { s, e } satisfies Record<string, Flow>);
    flow.expect(compose(filter, filter)(source)).toBe('-S-e|', { S: replyTo(s, reject('Who?')) });
  })();
});
