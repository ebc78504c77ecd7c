// @ts-check
import { fileURLToPath } from 'node:url';
import { BehaviorSubject } from 'rxjs';
import { addHeader, addRecipient, changeHeader, compose, deleteRecipient } from 'rxmilter';
import { observe, on, perMessage, quarantine, reject, serve } from 'rxmilter';

/** Mailboxes that take no mail. A new set counts from the next recipient on. */
export const closed = new BehaviorSubject(new Set(['sales@example.org']));

const EXECUTABLE = /name="?[^"\r\n]{1,150}\.(exe|js|scr|vbs)"?[;\s]/i;

export const filter = compose(
  on('rcpt', closed, ({ address }, boxes) => {
    if (boxes.has(address)) return reject('This mailbox is closed');
  }),
  perMessage(() => {
    const [recipients, headers] = [new Set(), new Map()];
    let [text, executable] = ['', false];
    return compose(
      observe('rcpt', ({ address }) => void recipients.add(address)),
      observe('header', ({ name, value }) => void headers.set(name.toLowerCase(), value)),
      observe('body', ({ chunk }) => {
        text = text.slice(-200) + Buffer.from(chunk).toString('latin1');
        executable ||= EXECUTABLE.test(text);
      }),
      on('eom', function* ({ session }) {
        yield addHeader('X-Filter', 'rxmilter');
        const external = session.macros.get('auth_authen') === undefined;
        if (external) yield changeHeader('Subject', `[external] ${headers.get('subject') ?? ''}`);
        if (recipients.has('info@example.org'))
          yield* [deleteRecipient('info@example.org'), addRecipient('helpdesk@example.org')];
        if (executable) yield quarantine('an executable is attached');
      }),
    );
  }),
);

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const server = await serve(filter, { listen: process.argv[2] ?? 'inet:8891@127.0.0.1' });
  console.log(`Listening on ${server.address}`);
  process.once('SIGTERM', () => void server.close());
}
