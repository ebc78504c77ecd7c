// @ts-check
import { realpathSync } from 'node:fs';
import { BehaviorSubject } from 'rxjs';
import { compose, edit, headerText, on, onMessage, quarantine, reject, serve } from 'rxmilter';

/** Mailboxes that take no mail. A new set counts from the next recipient on. */
export const closed = new BehaviorSubject(new Set(['sales@example.org']));

export const filter = compose(
  on(
    'rcpt',
    closed,
    (rcpt, boxes) => boxes.has(rcpt.address.toLowerCase()) && reject('This mailbox is closed'),
  ),
  onMessage({ body: 'none' }, (message) => [
    edit(message, (draft) => {
      draft.headers.append('X-Filter', 'rxmilter');
      if (!message.auth)
        draft.headers.set('Subject', `[external] ${headerText(message.headers.get('Subject') ?? '')}`);
      if (draft.recipients.delete('info@example.org')) draft.recipients.add('helpdesk@example.org');
    }),
    message.headers.get('X-Spam-Flag') === 'YES' && quarantine('it is marked as spam'),
  ]),
);

// Started as a program, and not imported:
if (import.meta.filename === realpathSync(process.argv[1] ?? '.')) {
  const server = await serve(filter, { listen: process.argv[2] ?? 'inet:8891@127.0.0.1' });
  console.log(`Listening on ${server.address}`);
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void server.close());
}
