// @ts-check
import { BehaviorSubject } from 'rxjs';
import { addressKey, compose, edit, headerText, on, onMessage, quarantine, reject } from 'rxmilter';

/** Mailboxes that take no mail. A new set counts from the next recipient on. */
export const closed = new BehaviorSubject(new Set(['sales@example.org']));

export default compose(
  on(
    'rcpt',
    closed,
    (rcpt, boxes) => boxes.has(addressKey(rcpt.address)) && reject('This mailbox is closed'),
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
