// @ts-check
import { BehaviorSubject } from 'rxjs';
import { compose, on, onMessage, quarantine, reject } from 'rxmilter';

/** Mailboxes that take no mail. A new set counts from the next recipient on. */
export const closed = new BehaviorSubject(new Set(['sales@example.org']));

export default compose(
  on('rcpt', closed, ({ mailbox }, boxes) => boxes.has(mailbox) && reject('This mailbox is closed')),
  onMessage({ body: 'none' }, ({ auth, headers }, { draft }) => {
    draft.headers.append('X-Filter', 'rxmilter');
    if (!auth) draft.headers.set('Subject', `[external] ${headers.get('Subject') ?? ''}`);
    if (draft.recipients.delete('info@example.org')) draft.recipients.add('helpdesk@example.org');
    return headers.get('X-Spam-Flag') === 'YES' && quarantine('it is marked as spam');
  }),
);
