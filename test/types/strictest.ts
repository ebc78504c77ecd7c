import { Observable, of } from 'rxjs';
import {
  accept,
  addHeader,
  discard,
  edit,
  on,
  onMessage,
  allow,
  reject,
  skip,
  strictestOf,
  tempfail,
  type Check,
  type Filter,
} from 'rxmilter';

import { type Reject, type Tempfail } from '../../src/session/decisions.js';
import { type AddHeader } from '../../src/session/modifications.js';
import { typed } from './equal.js';

declare const listed: (address: string, signal?: AbortSignal) => Promise<boolean>;
declare const score$: Observable<number>;
declare const rules: readonly ((address: string) => Promise<Reject | undefined>)[];

typed<Observable<readonly (Reject | Tempfail)[]>>()(
  strictestOf([(signal) => listed('a', signal).then((yes) => (yes ? reject() : undefined)), tempfail()]),
);
typed<Observable<readonly AddHeader[]>>()(
  strictestOf([of(addHeader('A', 'b')), () => [addHeader('A', 'b')]]),
);
typed<Observable<readonly never[]>>()(strictestOf([]));

export const filters: Filter[] = [
  on('connect', ({ address }) =>
    strictestOf([
      async (signal) => {
        typed<AbortSignal>()(signal);
        return (await listed(address, signal)) && reject('Listed');
      },
      listed(address).then((yes) => (yes ? tempfail() : undefined)),
      address === '' && accept(),
      of(allow()),
      null,
      undefined,
      () => undefined,
    ]),
  ),
  on('rcpt', ({ address }) => strictestOf(rules.map((rule) => () => rule(address)))),
  on('rcpt', ({ address }) => (address === '' ? reject() : strictestOf([discard()]))),
  on('body', () => strictestOf([skip(), () => allow()])),
  on('eom', () =>
    strictestOf([[addHeader('A', 'b'), accept()], () => Promise.resolve([addHeader('A', 'b')])]),
  ),
  onMessage((message) => strictestOf([() => edit(message, () => undefined), () => reject()])),
  on('rcpt', () => strictestOf([() => reject()], { onError: (_error, index) => void index.toFixed() })),

  // @ts-expect-error not legal there
  on('connect', () => strictestOf([() => discard()])),
  // @ts-expect-error not legal there, out of a promise
  on('rcpt', () => strictestOf([reject(), Promise.resolve(skip())])),
  // @ts-expect-error a message is changed at its end only
  on('rcpt', () => strictestOf([() => addHeader('A', 'b')])),
  // @ts-expect-error a number is no answer
  on('rcpt', () => strictestOf([score$])),
  // @ts-expect-error a text is none either
  on('rcpt', () => strictestOf([() => 'reject'])),
  // @ts-expect-error a list is wanted
  on('rcpt', () => strictestOf(() => reject())),
];

export const checks: Check<Reject>[] = [
  reject(),
  Promise.resolve(undefined),
  of(null),
  ({ aborted }: AbortSignal): Reject | false => aborted && reject(),
];
export const together: Filter = on('connect', () => strictestOf(checks));
// @ts-expect-error nobody would run a generator
export const generator: Check = function* (): Iterable<Reject> {
  yield reject();
};
