// @ts-check
import { realpathSync } from 'node:fs';
import { BehaviorSubject } from 'rxjs';
import { addHeader, addRecipient, changeHeader, compose, deleteRecipient } from 'rxmilter';
import { observe, on, perMessage, quarantine, reject, serve } from 'rxmilter';

/** Mailboxes that take no mail. A new set counts from the next recipient on. */
export const closed = new BehaviorSubject(new Set(['sales@example.org']));

export const filter = compose(
  on(
    'rcpt',
    closed,
    (rcpt, boxes) => boxes.has(rcpt.address.toLowerCase()) && reject('This mailbox is closed'),
  ),
  perMessage(() => {
    const [recipients, headers] = [new Map(), new Map()];
    return compose(
      observe('rcpt', ({ address, raw }) => void recipients.set(address.toLowerCase(), raw)),
      observe('header', ({ name, value }) => void headers.set(name.toLowerCase(), value)),
      on('eom', function* ({ session }) {
        yield addHeader('X-Filter', 'rxmilter');
        const external = session.macros.get('auth_authen') === undefined;
        if (external) yield changeHeader('Subject', `[external] ${headers.get('subject') ?? ''}`);
        const info = recipients.get('info@example.org');
        if (info) yield* [deleteRecipient(info), addRecipient('helpdesk@example.org')];
        if (headers.get('x-spam-flag') === 'YES') yield quarantine('it is marked as spam');
      }),
    );
  }),
);

// Started as a program, and not imported:
if (import.meta.filename === realpathSync(process.argv[1] ?? '.')) {
  const server = await serve(filter, { listen: process.argv[2] ?? 'inet:8891@127.0.0.1' });
  console.log(`Listening on ${server.address}`);
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void server.close());
}
