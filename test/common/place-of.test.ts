import { describe, expect, it } from 'vitest';

import { placeOf, traceOf } from '../../src/common/call-site.js';

/** An error as V8 makes it, with a trace of our own. */
function failed(message: string, ...frames: readonly string[]): Error {
  const error = new Error(message);
  error.stack = [`Error: ${message}`, ...frames.map((frame) => `    at ${frame}`)].join('\n');
  return error;
}

const HOSTILE = 'no such user\n    at forged (/etc/passwd:1:1)\n    at /etc/shadow:2:2';

describe('the place of an error', () => {
  it.each([
    ['file:///srv/filter.mjs:3:7', 'filter.mjs:3:7'],
    ['look (file:///srv/filter.mjs:3:7)', 'filter.mjs:3:7'],
    ['async look (file:///srv/filter.mjs:3:7)', 'filter.mjs:3:7'],
    ['async file:///srv/filter.mjs:3:7', 'filter.mjs:3:7'],
    ['new Look (/srv/my filters/filter.cjs:3:7)', 'filter.cjs:3:7'],
    ['/srv/my filters (old)/filter.cjs:3:7', 'filter.cjs:3:7'],
    ['Object.look [as found] (file:///srv/my%20filters/one%20(2).mjs:3:7)', 'one (2).mjs:3:7'],
    ['file:///srv/a%1b[31m.mjs:3:7', 'a\\x1b[31m.mjs:3:7'],
  ])('is read from the frame "at %s"', (frame, place) => {
    expect(placeOf(failed('broken', frame))).toBe(place);
  });

  it.each([
    'node:internal/timers:3:7',
    'file:///srv/node_modules/pg/index.js:3:7',
    'JSON.parse (<anonymous>)',
    'file:///srv/a%2fb.mjs:3:7',
    'eval (eval at look, <anonymous>:1:1)',
    '',
  ])('is not that of the frame "at %s"', (frame) => {
    expect(placeOf(failed('broken', frame))).toBeUndefined();
    expect(placeOf(failed('broken', frame, 'file:///srv/filter.mjs:3:7'))).toBe('filter.mjs:3:7');
  });

  it('is where this very error was made', () => {
    expect(placeOf(new Error('here'))).toMatch(/^place-of\.test\.ts:\d+:\d+$/);
    expect(placeOf(new Error(''))).toMatch(/^place-of\.test\.ts:\d+:\d+$/);
  });

  it('is not one of the lines of its message, however much they look like frames', () => {
    expect(placeOf(failed(HOSTILE, 'file:///srv/filter.mjs:3:7'))).toBe('filter.mjs:3:7');
    expect(placeOf(failed(HOSTILE))).toBeUndefined();
    expect(placeOf(new Error(HOSTILE))).toMatch(/^place-of\.test\.ts:/);
    // A message that was changed later is not that of the trace.
    const changed = failed(HOSTILE, 'file:///srv/filter.mjs:3:7');
    changed.message = 'changed';
    expect(placeOf(changed)).toBeUndefined();
    const syntax = new SyntaxError(`/etc/passwd:1\n${HOSTILE}`);
    expect(placeOf(syntax)).toMatch(/^place-of\.test\.ts:/);
  });

  it('is the line of a file that cannot be parsed', () => {
    const error = new SyntaxError('Unexpected token');
    error.stack =
      'file:///srv/filter.mjs:3\nconst = 1;\n      ^\n\nSyntaxError: Unexpected token\n    at node:vm:1:1';
    expect(placeOf(error)).toBe('filter.mjs:3');
  });

  it.each([
    ['no error', 'text'],
    ['an error without a trace', Object.assign(new Error('x'), { stack: undefined })],
    ['an error whose trace is no text', Object.assign(new Error('x'), { stack: 7 })],
    ['an error whose message is no text', Object.assign(new Error('x'), { message: Symbol('x') })],
    [
      'an error whose trace throws',
      Object.defineProperty(new Error('x'), 'stack', {
        get: () => {
          throw new Error('no');
        },
      }),
    ],
  ])('of %s is unknown, and nothing is thrown', (_what, error) => {
    expect(placeOf(error)).toBeUndefined();
    expect(typeof traceOf(error)).toBe('string');
  });
});

describe('the trace of an error for a terminal', () => {
  it('has its message in one line, as text alone, and a line for each frame', () => {
    const trace = traceOf(failed('\u001b[2J\u009b\n\u202eone', 'look (file:///srv/filter.mjs:3:7)'));
    expect(trace).toBe('Error: \\x1b[2J\\x9b\\n\\u202eone\n    at look (file:///srv/filter.mjs:3:7)');
  });
});
