import {
  discard,
  listen,
  on,
  reject,
  serve,
  skip,
  tempfail,
  type Outcome,
  type ServeOptions,
} from 'rxmilter';

import { typed } from './equal.js';

declare const port: number | undefined;
declare const maybe: <T>(value: T) => T | undefined;

const filter = on('rcpt', () => reject());

export const all: ServeOptions = {
  listen: 'inet:8891@127.0.0.1',
  mode: 0o660,
  owner: 115,
  group: 115,
  backlog: 511,
  maxConnections: 100,
  peers: ['192.0.2.0/24'],
  drainTimeout: 30_000,
  onError: (error, outcome) => {
    typed<Error>()(error);
    typed<Outcome>()(outcome);
  },
  failure: tempfail(),
  timeouts: {
    reply: 8000,
    eom: 280_000,
    progress: 5000,
    negotiate: 30_000,
    frame: 60_000,
    linger: 2000,
    idle: 1e6,
  },
  requireRights: ['CHGBODY'],
  ungranted: 'refuse',
  stages: ['body'],
  rights: ['ADDHDRS'],
  version: 6,
  noReply: true,
  macros: { eom: ['i', '{auth_authen}'] },
  negotiate: (offer, derived) => {
    typed<number>()(offer.actions);
    return offer.version < 6 ? reject() : { ...derived, actions: derived.actions & offer.actions };
  },
  leadingSpace: true,
  rejectedRecipients: true,
  maxDataSize: 262143,
  maxFrameMemory: 10_000_000,
  sendmailHeaders: 9,
  trace: (entry) => {
    typed<string>()(entry.text);
    if (entry.from === 'filter') typed<'continue' | 'accept'>()(entry.name as 'continue' | 'accept');
  },
};

/** An option that a program has not always, it need not leave out by hand. */
export const sometimes: ServeOptions = {
  listen: { port: 8891, host: maybe('127.0.0.1') },
  mode: maybe(0o660),
  owner: maybe(115),
  group: maybe(115),
  backlog: maybe(511),
  maxConnections: maybe(100),
  peers: maybe(['192.0.2.0/24'] as const),
  drainTimeout: maybe(30_000),
  onError: maybe(() => undefined),
  failure: maybe(tempfail()),
  timeouts: { reply: maybe(8000), eom: maybe(280_000) },
  requireRights: maybe(['CHGBODY'] as const),
  stages: maybe(['body'] as const),
  rights: maybe(['ADDHDRS'] as const),
  version: maybe(6),
  noReply: maybe(true),
  macros: maybe({ eom: ['i'] }),
  negotiate: maybe(() => undefined),
  leadingSpace: maybe(true),
  rejectedRecipients: maybe(true),
  maxDataSize: maybe(65535),
  maxFrameMemory: maybe(10_000_000),
  sendmailHeaders: maybe(9),
  ungranted: maybe('skip' as const),
  trace: maybe(() => undefined),
};

export const wrong: ServeOptions[] = [
  // @ts-expect-error it is not said where
  {},
  // @ts-expect-error there is no such right
  { listen: 'inet:1@::1', requireRights: ['CHGBDY'] },
  // @ts-expect-error it is called 'defer'
  { listen: 'inet:1@::1', ungranted: 'fail' },
  // @ts-expect-error there is no such stage
  { listen: 'inet:1@::1', stages: ['abort'] },
  // @ts-expect-error nobody knows that version
  { listen: 'inet:1@::1', version: 7 },
  // @ts-expect-error not legal at every stage
  { listen: 'inet:1@::1', failure: skip() },
  // @ts-expect-error not legal at every stage
  { listen: 'inet:1@::1', failure: discard() },
  // @ts-expect-error the name is misspelt
  { listen: 'inet:1@::1', timeouts: { replies: 1 } },
  // @ts-expect-error a size that no MTA offers
  { listen: 'inet:1@::1', maxDataSize: 1_000_000 },
  // @ts-expect-error a port that may be none has to be looked at
  { listen: { port } },
];

listen('inet:8891@127.0.0.1');
listen({ port: 8891 }, { maxConnections: maybe(10) });
listen({ path: '/run/filter.sock' }, { mode: 0o660 });
// @ts-expect-error where to listen is its own argument
listen({ port: 8891 }, { listen: 'inet:1@::1' });
void serve(filter, all);
