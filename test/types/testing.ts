import type { Observable } from 'rxjs';
import {
  accept,
  addHeader,
  discard,
  on,
  reject,
  skip,
  type Flow,
  type Mail,
  type Modification,
  type Rcpt,
  type Reply,
  type SessionInfo,
  type StageEvent,
} from 'rxmilter';
import type { Delivery } from 'rxmilter/mta';
import {
  type DrawnTest,
  body,
  connect,
  contract,
  eom,
  mail,
  marbles,
  message,
  rcpt,
  replyTo,
  session,
  simulate,
  type ContractCheck,
  type DrawnObservable,
  type Negotiated,
  type Simulation,
  type StepAnswer,
} from 'rxmilter/testing';

import { typed } from './equal.js';

declare const other: Observable<Flow>;

const filter = on('rcpt', () => reject());

// Events are those of the package.
typed<Rcpt>()(rcpt('a@b.test', { mail: mail() }));
typed<Mail>()(mail('', { args: ['SIZE=1'] }));
typed<SessionInfo>()(session({ client: { address: '192.0.2.1' }, macros: { i: '4XYZ' } }));
typed<StageEvent[]>()(message({ from: '', to: ['a@b.test'], headers: { Subject: 'x' }, body: ['x'] }));
typed<StageEvent[]>()(message({ headers: [['Subject', 'x']], session: session(), connect: '192.0.2.1' }));
// @ts-expect-error: the stage of an event is not to be chosen
rcpt('a@b.test', { stage: 'mail' });
// @ts-expect-error: a recipient has no chunk
rcpt('a@b.test', { chunk: Buffer.of() });
// @ts-expect-error: an address is text
connect(1);

// Replies are those that the stage has.
typed<Reply>()(replyTo(rcpt(), reject('No')));
typed<Reply>()(replyTo(eom(), accept(), [addHeader('X', 'y')]));
typed<Reply>()(replyTo(body(), skip()));
// @ts-expect-error: skip is for the body
replyTo(rcpt(), skip());
// @ts-expect-error: nothing to discard yet
replyTo(connect(), discard());
// @ts-expect-error: a message is changed at its end
replyTo(rcpt(), reject(), [addHeader('X', 'y')]);

// Drawings.
typed<DrawnTest>()(
  marbles(({ flow, hot, cold, time, subscriptions }) => {
    const r = rcpt();
    const source = flow.hot('-r|', { r });
    typed<DrawnObservable<Flow>>()(source);
    typed<DrawnObservable<string>>()(hot('-a|'));
    typed<DrawnObservable<number>>()(cold('-a|', { a: 1 }));
    typed<number>()(time('--|'));
    flow.expect(filter(source)).toBe('-R|', { R: replyTo(r, reject()) });
    flow.expect(hot('-a|', { a: 1 })).toBe('-a|', { a: 1 });
    subscriptions(source).toBe('^-!', '--^!');
    // @ts-expect-error: that is no event
    flow.hot('-r|', { r: 1 });
    // @ts-expect-error: what flows out of a filter is no number
    flow.expect(filter(source)).toBe('-R|', { R: 1 });
    // @ts-expect-error: nobody has drawn that
    subscriptions(other);
  }),
);
// @ts-expect-error: what is given as expect has to compare
marbles(() => undefined, { expect: () => true });

// Simulations.
export async function simulated(): Promise<void> {
  const mta = await simulate(filter, { chunks: { seed: 1 }, session: { version: 6 }, macros: { i: '1' } });
  typed<Simulation>()(mta);
  typed<Negotiated>()(mta.negotiated);
  typed<StepAnswer>()(await mta.rcpt('a@b.test', { args: ['NOTIFY=NEVER'] }));
  typed<readonly Modification[]>()((await mta.eom()).modifications);
  typed<Delivery>()(await mta.send({ sender: '', recipients: [] }));
  // @ts-expect-error: where the filter is stands in the first argument
  await simulate(filter, { to: 'inet:8891' });
}

// The contract fits every runner's test().
typed<readonly ContractCheck[]>()(contract(filter, { timeout: 1, settle: 1 }));
typed<readonly ContractCheck[]>()(contract((source) => source));
declare function test(name: string, body: () => Promise<void> | void): void;
for (const { name, check } of contract(filter)) test(name, check);
