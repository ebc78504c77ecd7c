import { EMPTY, Observable, interval, map, of, timer } from 'rxjs';
import {
  accept,
  addHeader,
  discard,
  on,
  allow,
  quarantine,
  reject,
  skip,
  tempfail,
  type Connect,
  type Eom,
  type EventAt,
  type Filter,
  type Header,
  type Helo,
  type Mail,
  type ProjectContext,
  type Rcpt,
  type Stage,
  type StageEvent,
} from 'rxmilter';

import { type Reject } from '../../src/session/decisions.js';
import { typed } from './equal.js';

declare const known: (address: string, signal?: AbortSignal) => Promise<boolean>;
declare const doubtful: boolean;

export const filters: Filter[] = [
  // What `project` is given.
  on('connect', (event, context) => {
    typed<Connect>()(event);
    typed<ProjectContext>()(context);
    typed<AbortSignal>()(context.signal);
  }),
  on('rcpt', (event) => {
    typed<Rcpt>()(event);
    typed<Mail>()(event.mail);
    typed<string>()(event.address);
    typed<readonly string[]>()(event.args);
    typed<string | undefined>()(event.params.SIZE);
    typed<Uint8Array>()(event.raw);
    typed<string | undefined>()(event.session.macros.get('i'));
    typed<string>()(event.session.client.address);
  }),
  on(['mail', 'rcpt'], (event) => {
    typed<Mail | Rcpt>()(event);
    typed<string>()(event.address);
    // @ts-expect-error a MAIL has none
    String(event.mail);
    if (event.stage === 'rcpt') typed<Mail>()(event.mail);
  }),
  on(['connect', 'helo'] as const, (event) => typed<Connect | Helo>()(event)),
  on('body', ({ chunk }) => typed<Uint8Array>()(chunk)),
  on('eom', (event) => {
    typed<Eom>()(event);
    // @ts-expect-error events are not changed
    event.modifications = [];
    // @ts-expect-error nor what is on them
    event.modifications[0] = addHeader('A', 'b');
  }),

  // Nothing.
  on('rcpt', () => undefined),
  on('rcpt', () => null),
  on('rcpt', () => {
    if (doubtful) return;
  }),
  on('rcpt', (): void => undefined),
  on('rcpt', async () => {
    await known('');
  }),
  on('rcpt', () => EMPTY),
  on('rcpt', () => []),

  // Something, or nothing.
  on('rcpt', ({ address }) => (address === '' ? reject() : undefined)),
  on('rcpt', ({ address }) => {
    if (address === '') return reject();
  }),
  on('rcpt', ({ address }) => {
    if (address === '') return reject();
    if (doubtful) return tempfail({ code: 451, enhanced: '4.7.1', text: ['line one', 'line two'] });
    return undefined;
  }),
  on('rcpt', async ({ address }, { signal }) => {
    if (await known(address, signal)) return;
    return reject('Who?');
  }),
  on('rcpt', async ({ address }) => {
    if (await known(address)) return allow();
    if (doubtful) return accept();
  }),
  on('rcpt', async ({ address }) => ((await known(address)) ? undefined : reject())),
  on('rcpt', ({ address }) =>
    doubtful ? known(address).then((is) => (is ? undefined : reject())) : reject(),
  ),
  on('rcpt', () => timer(100).pipe(map(() => reject()))),
  on('rcpt', () => of(undefined, reject())),
  on('rcpt', () => (doubtful ? of(reject()) : undefined)),
  on('rcpt', () => new Observable<Reject>()),

  // Several.
  on('eom', () => timer(100).pipe(map(() => [addHeader('X-Seen', 'yes'), accept()]))),
  on('eom', () => [addHeader('X-Seen', 'yes'), quarantine('why'), accept()]),
  on('eom', () => [doubtful && undefined, accept()].filter((answer) => answer !== false)),
  on('eom', () => (doubtful ? [addHeader('A', 'b')] : reject())),
  on('eom', () => [addHeader('A', 'b'), ...(doubtful ? [accept()] : [])]),
  on('eom', async () => {
    if (await known('')) return [addHeader('A', 'b'), accept()];
    return addHeader('A', 'b');
  }),
  on('eom', function* () {
    yield addHeader('A', 'b');
    if (doubtful) yield accept();
  }),
  on('eom', function* () {
    yield addHeader('A', 'b');
    if (doubtful) return;
    return accept();
  }),
  on('eom', async function* (event, { signal }) {
    typed<Eom>()(event);
    yield addHeader('A', 'b');
    if (await known('', signal)) yield accept();
  }),
  on('rcpt', async function* ({ address }) {
    if (await known(address)) return;
    return reject();
  }),

  // What may not be.
  // @ts-expect-error a text is no answer
  on('rcpt', () => 'no such user'),
  // @ts-expect-error nor is a code alone
  on('rcpt', () => 550),
  // @ts-expect-error nor is a truth value
  on('rcpt', () => doubtful),
  // @ts-expect-error the constructor is to be called
  on('rcpt', () => reject),
  // @ts-expect-error nor the text out of a promise
  on('rcpt', async () => ((await known('')) ? 'no such user' : undefined)),
  // @ts-expect-error the body can be skipped only where it is
  on('rcpt', () => skip()),
  // @ts-expect-error also now and then
  on('rcpt', () => (doubtful ? skip() : undefined)),
  // @ts-expect-error also behind a condition
  on('header', () => {
    if (doubtful) return skip();
  }),
  // @ts-expect-error there is no message to discard
  on('connect', () => discard()),
  // @ts-expect-error it fails whatever is said
  on('unknown', () => accept()),
  // @ts-expect-error the message is not complete yet
  on('header', () => addHeader('A', 'b')),
  // @ts-expect-error out of a promise
  on('connect', async () => ((await known('')) ? discard() : undefined)),
  // @ts-expect-error out of an Observable
  on('connect', () => of(discard())),
  // @ts-expect-error out of an Observable that has been piped
  on('connect', () => interval(1).pipe(map((n) => (n > 1 ? discard() : reject())))),
  // @ts-expect-error out of an array
  on('connect', () => [allow(), discard()]),
  // @ts-expect-error out of a promise of an array
  on('connect', async () => ((await known('')) ? [allow(), discard()] : [])),
  on(
    'connect',
    // @ts-expect-error out of a generator
    function* () {
      yield discard();
    },
  ),
  on(
    'connect',
    // @ts-expect-error at the end of a generator
    function* () {
      yield allow();
      return discard();
    },
  ),
  on(
    'connect',
    // @ts-expect-error out of an async generator
    async function* () {
      if (await known('')) yield discard();
    },
  ),
  on(
    'connect',
    // @ts-expect-error at the end of an async generator
    async function* () {
      if (await known('')) yield allow();
      return discard();
    },
  ),

  // Several stages: what may be said at each of them, of any of their events.
  on(['mail', 'rcpt', 'data'], () => discard()),
  // @ts-expect-error not legal at connect
  on(['connect', 'mail'], () => discard()),
  // @ts-expect-error only at eom
  on(['body', 'eom'], () => addHeader('A', 'b')),
  // @ts-expect-error only at body
  on(['body', 'eom'], () => skip()),

  // Nobody waits for an answer there.
  // @ts-expect-error abort has no answer
  on('abort', () => undefined),
  // @ts-expect-error nor has close
  on(['close', 'rcpt'], () => undefined),
  // @ts-expect-error a reply is decided already
  on('reply', () => undefined),
  // @ts-expect-error the wire's name
  on('bodyeob', () => undefined),
  // @ts-expect-error a project is wanted
  on('rcpt'),
  // @ts-expect-error two things are wanted of it
  on('rcpt', (event: Rcpt, context: ProjectContext, more: string) => reject(more)),
  // @ts-expect-error it is another event
  on('rcpt', (event: Mail, context: ProjectContext, more: Header) => reject(more.name)),
];

/** A project can be written apart, for the stages it is good for. */
export function sizeLimit(event: Mail | Rcpt): Reject | undefined {
  return Number(event.params.SIZE ?? 0) > 1e6 ? reject('Too big') : undefined;
}
export const apart: Filter[] = [
  on('mail', sizeLimit),
  on('rcpt', sizeLimit),
  on(['mail', 'rcpt'], sizeLimit),
  // @ts-expect-error it is not good for that
  on('header', sizeLimit),
];

/** Stages that are known only when the program runs allow what may be said everywhere. */
export function everywhere(stages: readonly Stage[]): Filter {
  // @ts-expect-error not legal at unknown
  on(stages, () => accept());
  return on(stages, (event) => {
    typed<StageEvent>()(event);
    return doubtful ? tempfail() : undefined;
  });
}

/** Generic over the stage. */
export function refuse<S extends Stage>(stage: S, bad: (event: EventAt<S>) => boolean): Filter {
  return on<Stage>(stage, (event) => (bad(event as EventAt<S>) ? reject() : undefined));
}
