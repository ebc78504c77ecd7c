// @ts-check
import { BehaviorSubject } from 'rxjs';
import { addHeader, addRecipient, changeHeader, compose, deleteRecipient } from 'rxmilter';
import { observe, on, perMessage, quarantine, reject, serve } from 'rxmilter';

/** Mailboxes that take no mail. A new set counts from the next recipient on. */
export const closed = new BehaviorSubject(new Set(['sales@example.org']));

export const filter = compose(
  on('rcpt', closed, ({ address }, boxes) =>
    boxes.has(address) ? reject('This mailbox is closed') : undefined,
  ),
  perMessage(() => {
    const [recipients, headers] = [new Set(), new Map()];
    return compose(
      observe('rcpt', ({ address }) => void recipients.add(address)),
      observe('header', ({ name, value }) => void headers.set(name.toLowerCase(), value)),
      on('eom', function* ({ session }) {
        yield addHeader('X-Filter', 'rxmilter');
        const external = session.macros.get('auth_authen') === undefined;
        if (external) yield changeHeader('Subject', `[external] ${headers.get('subject') ?? ''}`);
        if (recipients.has('info@example.org'))
          yield* [deleteRecipient('info@example.org'), addRecipient('helpdesk@example.org')];
        if (headers.get('x-spam-flag') === 'YES') yield quarantine('it is marked as spam');
      }),
    );
  }),
);

if (process.argv[1] === import.meta.filename) {
  const server = await serve(filter, { listen: process.argv[2] ?? 'inet:8891@127.0.0.1' });
  process.once('SIGTERM', () => void server.close());
}
