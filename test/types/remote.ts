import type { OperatorFunction } from 'rxjs';
import {
  accept,
  discard,
  on,
  allow,
  reject,
  remote,
  skip,
  tempfail,
  when,
  type Filter,
  type Flow,
  type RemoteOptions,
  type StageEvent,
} from 'rxmilter';

import { typed } from './equal.js';

declare const maybe: <T>(value: T) => T | undefined;
declare const operator: OperatorFunction<Flow, Flow>;
declare const asked: (event: StageEvent) => Promise<boolean>;

const filter = on('rcpt', () => reject());

typed<Filter>()(remote('inet:8891@127.0.0.1'));
typed<Filter>()(remote({ port: 8891 }, { failure: 'pass' }));
typed<Filter>()(remote({ path: '/run/milter.sock' }, {}));
// @ts-expect-error it is not said where
remote();
// @ts-expect-error a filter needs no connection
remote(filter);

export const all: RemoteOptions[] = [
  { failure: 'tempfail', timeouts: { connect: 1, command: 2, content: 3, eom: 4 }, stages: ['mail', 'eom'] },
  {
    failure: reject('no'),
    macros: { i: 'x', '{daemon_name}': undefined },
    offer: { version: 2, protocol: 0 },
  },
  { failure: maybe(accept()), timeouts: { eom: maybe(1) }, stages: maybe(['rcpt'] as const) },
  { failure: allow() },
  { failure: tempfail({ code: 421 }) },
];

export const wrong: RemoteOptions[] = [
  // @ts-expect-error a policy has to fit every stage
  { failure: discard() },
  // @ts-expect-error and this one is for the body alone
  { failure: skip() },
  // @ts-expect-error there is no such policy
  { failure: 'accept' },
  // @ts-expect-error nobody is asked about the close
  { stages: ['close'] },
  // @ts-expect-error that is a time of serve()
  { timeouts: { reply: 1 } },
];

typed<Filter>()(when(({ session }) => session.helo === 'x', filter));
typed<Filter>()(when((event) => event.stage === 'mail' && event.address === '', operator, filter));
typed<Filter>()(when(() => true, remote('inet:8891'), undefined));
// @ts-expect-error it has to say so at once
when(asked, filter);
// @ts-expect-error a predicate is wanted
when(filter, filter);
