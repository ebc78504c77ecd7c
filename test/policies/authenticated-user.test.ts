import { onMessage, reject, type Filter } from 'rxmilter';
import { deliver } from 'rxmilter/mta';
import { greylist, rateLimit, reputation } from 'rxmilter/policies';
import { session } from 'rxmilter/testing';
import { describe, expect, it } from 'vitest';

const MAIL = {
  sender: 'alice@example.com',
  recipients: ['bob@example.org'],
  client: { host: 'client.example.com', family: 'inet', address: '192.0.2.1', port: 40_000 },
} as const;

/** What the SMTP client is told of the message, by its code. */
async function code(filter: Filter, macros: Record<string, string>): Promise<number> {
  return (await deliver({ ...MAIL, macros }, { to: filter })).reply.code;
}

const STRANGERS: readonly (readonly [string, Record<string, string>])[] = [
  ['no macro', {}],
  ['an empty name', { '{auth_authen}': '' }],
  ['a blank name', { '{auth_authen}': ' \t' }],
  ['a mechanism without a name', { '{auth_type}': 'PLAIN' }],
  ['a mechanism with an empty name', { '{auth_type}': 'PLAIN', '{auth_authen}': '', '{auth_author}': 'x' }],
];
const KNOWN: readonly (readonly [string, Record<string, string>])[] = [
  ['a name without a mechanism', { '{auth_authen}': 'alice' }],
  ['a name with one', { '{auth_authen}': 'alice', '{auth_type}': 'PLAIN' }],
  ['a name with an empty one', { '{auth_authen}': 'alice', '{auth_type}': '' }],
];

describe('the login of a session', () => {
  it.each(STRANGERS)('is undefined for %s', (_what, macros) => {
    expect(session({ macros }).auth).toBeUndefined();
  });

  it.each([...KNOWN, ['a macro without braces', { auth_authen: 'alice' }]] as const)(
    'is the user for %s',
    (_what, macros) => {
      expect(session({ macros }).auth?.user).toBe('alice');
    },
  );

  const everybodyIsBad = { of: () => 1_000, add: () => 1_000 };
  const everybodyIsBusy = { hit: () => 1_000 };
  it.each([
    ['greylist()', () => greylist(), 451, 250],
    ['reputation()', () => reputation({ threshold: 1, halfLife: 1_000, scores: everybodyIsBad }), 450, 250],
    [
      'rateLimit() of users',
      () => rateLimit({ key: 'user', limit: 1, window: 1_000, counters: everybodyIsBusy }),
      250,
      450,
    ],
    [
      'message.auth',
      () => onMessage({ body: 'none' }, ({ auth }) => (auth === undefined ? reject() : undefined)),
      550,
      250,
    ],
  ] as const)('is what %s goes by', async (_name, filter, stranger, known) => {
    for (const [, macros] of STRANGERS) expect(await code(filter(), macros)).toBe(stranger);
    for (const [, macros] of KNOWN) expect(await code(filter(), macros)).toBe(known);
  });
});
