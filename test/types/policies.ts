import type { Observable } from 'rxjs';
import {
  discard,
  reject,
  skip,
  type Filter,
  type MessageOutcome,
  type Outcome,
  type Rcpt,
  type SessionInfo,
} from 'rxmilter';
import { sharedLookUp, type SharedLookUp } from 'rxmilter/lookups';
import {
  bursts,
  greylist,
  memoryCounters,
  memoryKeys,
  memoryScores,
  rateLimit,
  redisCounters,
  redisScores,
  reputation,
  type Burst,
  type RedisClient,
} from 'rxmilter/policies';

import type { Equal, Expect } from './equal.js';

declare const client: RedisClient;
declare const numbers: Observable<number>;

const window = 1;
const limit = 1;

export const filters: Filter[] = [
  rateLimit({ key: 'client', limit, window }),
  rateLimit({ key: 'client', limit, window, counters: redisCounters(client), away: reject() }),
  // Without a stage it is that of MAIL.
  rateLimit({ key: ({ address }) => address, limit, window, decision: discard() }),
  rateLimit({ key: ({ mail }) => mail.address, stage: 'rcpt', limit, window }),
  rateLimit({ key: ({ chunk }) => String(chunk.length), stage: 'body', limit, window, decision: skip() }),
  greylist({ store: memoryKeys(), exempt: async ({ mail }) => Promise.resolve(mail.address === '') }),
  reputation({ threshold: 1, halfLife: 1, scores: redisScores(client), decision: discard() }),
  reputation({ threshold: 1, halfLife: 1, stage: 'connect', key: ({ helo }) => helo, decision: reject() }),
];

declare const messages: Observable<MessageOutcome>;
messages.subscribe(reputation({ threshold: 1, halfLife: 1, points: ({ size }) => size }).penalise);
declare const outcomes: Observable<Outcome>;
// @ts-expect-error: it takes messages, and not what became of single events
outcomes.subscribe(reputation({ threshold: 1, halfLife: 1 }).penalise);
declare const ofMacros: (session: Pick<SessionInfo, 'macros'>) => string | undefined;
// @ts-expect-error: the macros of a message are gone when it is over
reputation({ threshold: 1, halfLife: 1, key: ofMacros });
export const score: number = memoryScores().add('', 1, 1);
// @ts-expect-error: before there is a message there is none to discard
reputation({ threshold: 1, halfLife: 1, stage: 'connect', decision: discard() });
// @ts-expect-error: in the middle of a message nobody is asked for a reputation
reputation({ threshold: 1, halfLife: 1, stage: 'body' });

// @ts-expect-error: before there is a message there is none to discard
rateLimit({ key: 'client', stage: 'connect', limit, window, decision: discard() });
declare const ofRecipient: (event: Rcpt) => string;
// @ts-expect-error: what counts recipients cannot count messages
rateLimit({ key: ofRecipient, limit, window });
// @ts-expect-error: a store of another kind
greylist({ store: memoryCounters() });
// @ts-expect-error: a limit has a window
rateLimit({ key: 'client', limit });

export const found = numbers.pipe(bursts({ key: (value) => value.toFixed(), threshold: 2, window }));
export type Found = Expect<Equal<typeof found, Observable<Burst<number>>>>;

export const plain = sharedLookUp((_address: string, _signal) => Promise.resolve(true), { ttl: 5 });
export type Plain = Expect<Equal<typeof plain, SharedLookUp<string, boolean>>>;
sharedLookUp(({ id }: { id: number }) => [id], { key: ({ id }) => id });
// @ts-expect-error: objects need a key, or all would be the same
sharedLookUp(({ id }: { id: number }) => [id]);
