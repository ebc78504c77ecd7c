import { formatReply } from 'rxmilter/mta';
import { describe, expect, it } from 'vitest';

import { sanitiseReply } from '../../src/mta/client/sanitise-reply.js';
import { REPLY_TEXTS } from '../support/vectors.js';

describe('sanitiseReply', () => {
  it.each(REPLY_TEXTS)('$received', ({ received, shown, drop }) => {
    const { reply, violation } = sanitiseReply(received);
    const expected = shown === 'default' ? ['550 5.7.1 Command rejected'] : shown;
    expect(formatReply(reply).split('\r\n')).toEqual(expected);
    expect(violation !== undefined).toBe(drop === true);
  });

  it.each([
    ['450-4.0.0 one\r\n450 4.0.0 two', '450-4.0.0 one\r\n450 4.0.0 two'],
    ['450-one\r\n450 two', '450-4.7.1 one\r\n450 4.7.1 two'],
    ['451 2.0.0 fine', '451 4.0.0 fine'],
    ['450 ', '450 4.7.1 Service unavailable - try again later'],
    ['550 5.1.1', '550 5.1.1 Command rejected'],
    ['550 5.1.1  two blanks', '550 5.1.1 two blanks'],
    ['550 5.1234.1 no enhanced code', '550 5.7.1 5.1234.1 no enhanced code'],
    ['550 tab\there', '550 5.7.1 tab\there'],
    ['550 grün', '550 5.7.1 grün'],
    ['550 %%%%', '550 5.7.1 %%'],
    ['4x1 broken', '451 4.7.1 Service unavailable - try again later'],
    ['250 2.0.0 Ok', '550 5.7.1 Command rejected'],
    ['5501 long', '550 5.7.1 Command rejected'],
    ['', '550 5.7.1 Command rejected'],
  ])('%j becomes %j', (received, expected) => {
    const { reply, violation } = sanitiseReply(received);
    expect(formatReply(reply)).toBe(expected);
    expect(violation).toBeUndefined();
  });

  it.each([
    '550-5.7.1 one\r\n250 2.0.0 two',
    '550-5.7.1 one\r\n451 4.0.0 two',
    '550 5.7.1 one\r\n550 5.7.1 two',
    '550-5.7.1 one',
    '550 one\r\n',
    '550 one\rtwo',
    '550 one\0two',
    '550 \x1b[2J',
  ])('%j is no reply that a milter can be trusted after', (received) => {
    const { reply, violation } = sanitiseReply(received);
    expect(formatReply(reply)).toBe('550 5.7.1 Command rejected');
    expect(violation).toMatch(/^its reply has /);
  });
});
