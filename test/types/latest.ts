import { BehaviorSubject, Observable, Subject } from 'rxjs';
import {
  accept,
  discard,
  on,
  reject,
  type Filter,
  type LatestProject,
  type ProjectContext,
  type Rcpt,
} from 'rxmilter';

import { typed } from './equal.js';

declare const blocked$: Observable<ReadonlySet<string>>;
declare const limits$: BehaviorSubject<{ readonly max: number } | undefined>;
declare const numbers: Promise<number>;
declare const texts: AsyncIterable<string>;

export const filters: Filter[] = [
  on('rcpt', blocked$, (event, blocked, context) => {
    typed<Rcpt>()(event);
    typed<ReadonlySet<string>>()(blocked);
    typed<ProjectContext>()(context);
    return blocked.has(event.address) ? reject() : undefined;
  }),
  on('rcpt', limits$, (_event, limits) => {
    typed<{ readonly max: number } | undefined>()(limits);
    // @ts-expect-error it may be none
    String(limits.max);
  }),
  on('rcpt', numbers, (_event, number) => typed<number>()(number)),
  on('rcpt', Promise.resolve(new Set<string>()), (_event, set) => typed<Set<string>>()(set)),
  on('rcpt', [1, 2, 3], (_event, number) => typed<number>()(number)),
  on('rcpt', texts, (_event, text) => typed<string>()(text)),
  on('rcpt', new Subject<void>(), async (event, _nothing, { signal }) => {
    await fetch(event.address, { signal });
    return accept();
  }),
  on(['connect', 'mail'], blocked$, ({ address }, blocked) => (blocked.has(address) ? reject() : undefined)),
  on('rcpt', blocked$, async function* ({ address }, blocked) {
    if (blocked.has(address)) yield reject();
    await Promise.resolve();
  }),

  // @ts-expect-error not legal there
  on('connect', blocked$, () => discard()),
  // @ts-expect-error not legal there, out of a promise
  on('connect', blocked$, () => Promise.resolve(discard())),
  // @ts-expect-error it is no set of numbers
  on('rcpt', blocked$, (_event, blocked: Set<number>) => (blocked.size > 9 ? reject() : undefined)),
  // @ts-expect-error a set is no stream of sets: it is one of its values
  on('rcpt', new Set(['a']), (_event, blocked: Set<string>) => (blocked.size > 9 ? reject() : undefined)),
  // @ts-expect-error a number is no stream
  on('rcpt', 5, () => reject()),
  // @ts-expect-error a project is wanted
  on('rcpt', blocked$),
];

export const apart: LatestProject<'rcpt', number> = ({ address }, max) =>
  address.length > max ? reject() : undefined;
export const filter: Filter = on('rcpt', numbers, apart);
