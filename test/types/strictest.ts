import { Observable, of } from 'rxjs';
import {
  accept,
  addHeader,
  discard,
  edit,
  on,
  onMessage,
  proceed,
  reject,
  skip,
  strictest,
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
  strictest([(signal) => listed('a', signal).then((yes) => (yes ? reject() : undefined)), tempfail()]),
);
typed<Observable<readonly AddHeader[]>>()(strictest([of(addHeader('A', 'b')), () => [addHeader('A', 'b')]]));
typed<Observable<readonly never[]>>()(strictest([]));

export const filters: Filter[] = [
  on('connect', ({ address }) =>
    strictest([
      async (signal) => {
        typed<AbortSignal>()(signal);
        return (await listed(address, signal)) && reject('Listed');
      },
      listed(address).then((yes) => (yes ? tempfail() : undefined)),
      address === '' && accept(),
      of(proceed()),
      null,
      undefined,
      () => undefined,
    ]),
  ),
  on('rcpt', ({ address }) => strictest(rules.map((rule) => () => rule(address)))),
  on('rcpt', ({ address }) => (address === '' ? reject() : strictest([discard()]))),
  on('body', () => strictest([skip(), () => proceed()])),
  on('eom', () => strictest([[addHeader('A', 'b'), accept()], () => Promise.resolve([addHeader('A', 'b')])])),
  onMessage((message) => strictest([() => edit(message, () => undefined), () => reject()])),
  on('rcpt', () => strictest([() => reject()], { onError: (_error, index) => void index.toFixed() })),

  // @ts-expect-error not legal there
  on('connect', () => strictest([() => discard()])),
  // @ts-expect-error not legal there, out of a promise
  on('rcpt', () => strictest([reject(), Promise.resolve(skip())])),
  // @ts-expect-error a message is changed at its end only
  on('rcpt', () => strictest([() => addHeader('A', 'b')])),
  // @ts-expect-error a number is no answer
  on('rcpt', () => strictest([score$])),
  // @ts-expect-error a text is none either
  on('rcpt', () => strictest([() => 'reject'])),
  // @ts-expect-error a list is wanted
  on('rcpt', () => strictest(() => reject())),
];

export const checks: Check<Reject>[] = [
  reject(),
  Promise.resolve(undefined),
  of(null),
  ({ aborted }: AbortSignal): Reject | false => aborted && reject(),
];
export const together: Filter = on('connect', () => strictest(checks));
// @ts-expect-error nobody would run a generator
export const generator: Check = function* (): Iterable<Reject> {
  yield reject();
};
