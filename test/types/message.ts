import {
  parseAddress,
  sameAddress,
  type EnvelopePath,
  type HeaderField,
  type Headers,
  type HeaderAddress,
} from 'rxmilter';

import type { DraftHeaders } from '../../src/message/edit/draft-headers.js';
import type { DraftRecipients } from '../../src/message/edit/draft-recipients.js';
import { typed, type Equal, type Expect } from './equal.js';

declare const headers: Headers;
declare const draft: { readonly headers: DraftHeaders; readonly recipients: DraftRecipients };
declare const field: HeaderField;
declare const path: EnvelopePath;

// What may be missing has to be asked for.
typed<string | undefined>()(headers.get('Subject'));
typed<string | undefined>()(headers.text('Subject', 2));
typed<Date | undefined>()(headers.date());
typed<HeaderField | undefined>()(headers.field('Subject'));
typed<string[]>()(headers.getAll('Received'));
typed<HeaderAddress[]>()(headers.addresses('To'));
for (const each of headers) typed<HeaderField>()(each);

// A header that is not being changed cannot be.
export type ReadOnly = Expect<Equal<Extract<'set' | 'append' | 'delete', keyof Headers>, never>>;
// @ts-expect-error: fields are never changed themselves
field.value = 'x';

draft.headers.set('Subject', Buffer.from('x'), 2);
draft.headers.append('X', 'y');
draft.headers.insertAfter(draft.headers.prepend('X', 'y'), 'Z', 'z');
typed<number>()(draft.headers.delete('X'));
typed<number>()(draft.headers.delete('X', 2));
typed<number>()(draft.headers.delete(field));
// @ts-expect-error: one field has no number
draft.headers.delete(field, 2);
// @ts-expect-error: human text is text
draft.headers.setText('Subject', Buffer.from('x'));

typed<EnvelopePath>()(draft.recipients.add('a@b.example', ['NOTIFY=NEVER']));
typed<number>()(draft.recipients.delete(path));
typed<number>()(draft.recipients.delete('a@b.example'));
// @ts-expect-error: arguments are a list
draft.recipients.add('a@b.example', 'NOTIFY=NEVER');

typed<string>()(parseAddress(path.address).domain);
typed<boolean>()(sameAddress(path.address, 'a@b.example'));
