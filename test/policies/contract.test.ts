import type { Stage } from 'rxmilter';
import { greylist, rateLimit, reputation } from 'rxmilter/policies';
import { contract } from 'rxmilter/testing';
import { describe, test } from 'vitest';

const HOUR = 3_600_000;
const STAGES: readonly Stage[] = ['connect', 'mail', 'rcpt', 'header', 'eoh', 'body', 'eom', 'unknown'];

/** What was seen before is what policies go by. */
const kept = (filter: Parameters<typeof contract>[0]): ReturnType<typeof contract> =>
  contract(filter).filter(({ rule }) => rule !== 'no-state');

describe('greylist', () => {
  for (const { name, check } of kept(greylist())) test(name, check);
});

describe.each(['mail', 'eom'] as const)('rateLimit by sender at %s', (stage) => {
  for (const { name, check } of kept(rateLimit({ key: 'sender', stage, limit: 1, window: HOUR })))
    test(name, check);
});

describe('rateLimit by subject', () => {
  for (const { name, check } of kept(rateLimit({ key: 'subject', limit: 1, window: HOUR })))
    test(name, check);
});

describe.each(STAGES)('rateLimit by a key of its own at %s', (stage) => {
  const filter = rateLimit({ key: () => 'all', stage, limit: 3, window: HOUR });
  for (const { name, check } of kept(filter)) test(name, check);
});

describe.each(['connect', 'helo', 'mail'] as const)('reputation at %s', (stage) => {
  for (const { name, check } of kept(reputation({ threshold: 1, halfLife: HOUR, stage }))) test(name, check);
});
