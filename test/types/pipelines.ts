import {
  Observable,
  catchError,
  filter as keep,
  identity,
  map,
  mergeMap,
  pipe,
  takeUntil,
  tap,
  type MonoTypeOperatorFunction,
  type OperatorFunction,
  type Subscription,
} from 'rxjs';
import {
  addHeader,
  accept,
  compose,
  discard,
  listen,
  observe,
  on,
  perConnection,
  perMessage,
  reject,
  answer,
  requireRights,
  serve,
  sink,
  tempfail,
  type Eom,
  type Filter,
  type Flow,
  type MilterEvent,
  type MilterServer,
  type Outcome,
  type Rcpt,
  type Reply,
  type Session,
  type StageEvent,
} from 'rxmilter';

import { type Reject } from '../../src/session/decisions.js';
import { typed } from './equal.js';

declare const session: Session;
declare const flows: Observable<Flow>;
declare const stop$: Observable<unknown>;
declare const filters$: Observable<Filter>;
declare const names: string[];
declare const later: Promise<Filter>;
declare const project: () => Reject;
declare const full: () => boolean;

const filter = on('rcpt', () => reject());
typed<Filter>()(filter);
typed<Filter>()(compose(filter, filter));
typed<Filter>()(compose());
typed<Filter>()(perMessage(() => filter));
typed<Filter>()(perConnection(() => compose(filter)));
typed<Filter>()(requireRights(['CHGBODY', 'CHGHDRS'], filter));
// @ts-expect-error there is no such right
requireRights(['CHGBDY'], filter);
// @ts-expect-error a filter is wanted
perMessage(filter);

/** A filter is an operator over flow. */
export const operator: OperatorFunction<Flow, Flow> = filter;
export const mono: MonoTypeOperatorFunction<Flow> = compose(filter, operator);
// @ts-expect-error but an operator is no filter: it says nothing of what it needs
export const no: Filter = operator;
export const both: OperatorFunction<Flow, Flow> = pipe(filter, compose(filter, filter));

typed<Observable<Flow>>()(flows.pipe(filter));
typed<Observable<Flow>>()(flows.pipe(filter, tap(), filter));
typed<Observable<MilterEvent>>()(session.events);
typed<Observable<Outcome>>()(session.events.pipe(filter, sink(session)));
typed<Observable<Outcome>>()(session.events.pipe(sink(session)));
typed<Observable<Outcome>>()(
  session.events.pipe(
    tap((event) => typed<MilterEvent>()(event)),
    filter,
    map((flow): Flow => {
      typed<Flow>()(flow);
      return flow.stage === 'rcpt' ? answer(flow, reject()) : flow;
    }),
    keep((flow) => flow.stage !== 'reply' || flow.decision.kind !== 'discard'),
    sink(session),
  ),
);

/** The literal form. */
export const running: Subscription = listen({ port: 8891 })
  .pipe(
    // eslint-disable-next-line rxjs-x/no-unsafe-takeuntil -- it ends the listening; sessions are drained
    takeUntil(stop$),
    mergeMap((each) => each.events.pipe(filter, sink(each))),
  )
  .subscribe((outcome) => {
    typed<Outcome>()(outcome);
    typed<Error | undefined>()(outcome.error);
  });

/** Operators of RxJS among filters. */
export const mixed: Filter = compose(
  filter,
  identity,
  tap(),
  tap((flow) => typed<Flow>()(flow)),
  map((flow) => flow),
  map((flow) => (flow.stage === 'eom' ? answer(flow, addHeader('A', 'b'), accept()) : flow)),
  catchError((_error: unknown, caught) => caught),
  pipe(filter, tap()),
  (source) => source,
);
// @ts-expect-error it makes something else of the flow
compose(map((flow: Flow) => flow.stage));
// @ts-expect-error a project is no filter
compose(project);

/** `observe` sees what `on` does, and abort and close as well. */
export const seen: Filter[] = [
  observe('rcpt', (event) => typed<Rcpt>()(event)),
  observe(['abort', 'close', 'eom'], ({ stage }) => typed<'abort' | 'close' | 'eom'>()(stage)),
  observe('header', async ({ name, value }) => {
    await Promise.resolve(name + value);
  }),
  observe('header', ({ name }) => names.push(name)),
  observe('header', ({ name }) => new Set<string>().add(name)),
  observe('header', ({ name }) => new Map<string, string>().set(name, name)),
  observe('header', ({ name }) => name === 'X' && names.push(name)),
  observe('header', ({ name }): void => void names.push(name)),
  observe('header', async ({ name }) => Promise.resolve(names.push(name))),
  observe('header', ({ name }) => (name === 'X' ? Promise.resolve() : undefined)),
  // @ts-expect-error there is no such stage
  observe('reply', () => undefined),
  // @ts-expect-error it looks, and cannot decide
  observe('rcpt', () => reject()),
  // @ts-expect-error neither now and then
  observe('rcpt', ({ address }) => (address === '' ? reject() : undefined)),
  // @ts-expect-error nor can it do so later
  observe('rcpt', async ({ address }) => ((await Promise.resolve(address === '')) ? reject() : undefined)),
  // @ts-expect-error nor can it change anything
  observe('eom', () => addHeader('A', 'b')),
  // @ts-expect-error nobody would subscribe to it
  observe('eom', () => flows),
  // @ts-expect-error nobody would run it
  observe('eom', function* (event) {
    yield event;
  }),
  // @ts-expect-error nobody would run that, either
  observe('eom', async function* (event) {
    yield await Promise.resolve(event);
  }),
  // @ts-expect-error abort has none of that
  observe(['abort', 'rcpt'], ({ address }) => String(address)),
];

/** `reply` knows what is legal at its event. */
export function replies(rcpt: Rcpt, eom: Eom, any: StageEvent, event: MilterEvent): Reply[] {
  // @ts-expect-error a modification at rcpt
  answer(rcpt, addHeader('A', 'b'));
  // @ts-expect-error not at each stage
  answer(any, discard());
  // @ts-expect-error abort and close have no answer
  answer(event, reject());
  return [
    answer(rcpt, reject('no')),
    answer(rcpt, discard()),
    answer(eom, addHeader('A', 'b'), accept()),
    answer(any, full() ? tempfail('Mailbox full') : reject()),
    { stage: 'reply', to: rcpt, decision: reject(), modifications: [] },
  ];
}
export const full$: Filter = compose((source) =>
  source.pipe(
    map((flow) => (flow.stage === 'rcpt' && full() ? answer(flow, tempfail('Mailbox full')) : flow)),
  ),
);

/** `serve` takes a filter, any operator over flow, or an Observable of either. */
export async function served(): Promise<void> {
  const server = await serve(filter, { listen: 'inet:8891@127.0.0.1' });
  typed<MilterServer>()(server);
  typed<Observable<Outcome>>()(server.outcomes);
  await serve(filters$, { listen: { port: 8891 } });
  await serve(operator, { listen: { path: '/run/filter.sock' } });
  await serve(
    tap((flow) => typed<Flow>()(flow)),
    { listen: 'unix:/run/filter.sock', mode: 0o660 },
  );
  await serve((source) => source.pipe(map((flow) => flow)), { listen: 'inet:0@127.0.0.1' });
  await serve(new Observable<OperatorFunction<Flow, Flow>>(), { listen: 'inet:0@127.0.0.1' });
  // @ts-expect-error it is not said where
  await serve(filter, {});
  // @ts-expect-error a promise of a filter is no filter
  await serve(later, { listen: 'inet:0@127.0.0.1' });
  // @ts-expect-error a project is no filter
  await serve(project, { listen: 'inet:0@127.0.0.1' });
  await using disposed = await serve(filter, { listen: 'inet:0@127.0.0.1' });
  typed<string>()(disposed.address);
}
