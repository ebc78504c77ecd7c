import type { Readable } from 'node:stream';
import { NEVER, concatMap, from, map, of, timer } from 'rxjs';
import {
  accept,
  addHeader,
  discard,
  edit,
  onMessage,
  allow,
  quarantine,
  reject,
  replaceBody,
  skip,
  tempfail,
  type BufferedBody,
  type BodyMode,
  type Client,
  type Draft,
  type Edit,
  type EnvelopePath,
  type Filter,
  type HeaderField,
  type Headers,
  type Message,
  type MessageProject,
  type StreamedBody,
} from 'rxmilter';

import { typed } from './equal.js';

declare const doubtful: boolean;
declare const later: Promise<void>;

export const filters: Filter[] = [
  // What `project` is given.
  onMessage((message, context) => {
    typed<Message>()(message);
    typed<AbortSignal>()(context.signal);
    typed<Draft>()(context.draft);
    typed<Client>()(message.client);
    typed<string | undefined>()(message.helo);
    typed<string | undefined>()(message.queueId);
    typed<EnvelopePath>()(message.sender);
    typed<readonly EnvelopePath[]>()(message.recipients);
    typed<Readonly<Record<string, string>>>()(message.sender.params);
    typed<Headers>()(message.headers);
    typed<string | undefined>()(message.headers.get('Subject'));
    typed<BufferedBody>()(message.body);
    typed<Promise<Buffer>>()(message.body.bytes());
    typed<boolean>()(message.body.complete);
    typed<Readable>()(message.source());
    typed<string | undefined>()(message.auth?.user);
    typed<number | undefined>()(message.tls?.bits);
    // @ts-expect-error what a message has is not changed in place
    message.sender = message.sender;
    // @ts-expect-error nor are its recipients
    String(message.recipients.push);
    // @ts-expect-error a header is changed in a draft
    String(message.headers.set);
  }),
  onMessage({}, (message) => {
    typed<Message>()(message);
  }),
  onMessage({ limits: { memory: 10 } }, ({ body }) => {
    typed<BufferedBody>()(body);
  }),
  onMessage({ body: 'buffer', maxBytes: 10 }, ({ body }) => {
    typed<BufferedBody>()(body);
  }),

  // Each way to have a body, and what that way has not.
  onMessage({ body: 'none' }, (message) => {
    typed<Message<'none'>>()(message);
    typed<undefined>()(message.body);
    typed<undefined>()(message.source);
    // @ts-expect-error there is no body
    String(message.body.bytes);
  }),
  onMessage({ body: 'stream' }, ({ body, source }) => {
    typed<StreamedBody>()(body);
    typed<Readable>()(source());
    typed<number>()(body.size);
    // @ts-expect-error all of it is not there at once
    String(body.bytes);
    typed<boolean>()(body.complete);
  }),

  // Options that do not exist, or have no such value.
  // @ts-expect-error it has to be a number
  onMessage({ maxBytes: '10' }, () => undefined),
  // @ts-expect-error there is no such way
  onMessage({ body: 'lines' }, () => undefined),
  // @ts-expect-error there is no such option
  onMessage({ bodies: 'none' }, () => undefined),
  // @ts-expect-error there is no such limit
  onMessage({ limits: { bytes: 1 } }, () => undefined),
  // @ts-expect-error it has to be a number
  onMessage({ limits: { memory: '1k' } }, () => undefined),
  // @ts-expect-error neither a decision nor 'truncate'
  onMessage({ beyond: 'cut' }, () => undefined),
  // @ts-expect-error not a decision about a message
  onMessage({ beyond: skip() }, () => undefined),
  // @ts-expect-error a change is no decision
  onMessage({ beyond: addHeader('A', 'b') }, () => undefined),
  // @ts-expect-error a project is missing
  onMessage({ body: 'none' }),
  onMessage({ beyond: 'truncate' }, () => undefined),
  onMessage({ beyond: discard(), directory: '/tmp', body: undefined }, () => undefined),

  // Answers, at once and later.
  onMessage(() => undefined),
  onMessage(() => null),
  onMessage(() => doubtful && reject()),
  onMessage(() => {
    if (doubtful) return;
  }),
  onMessage(() => [addHeader('A', 'b'), quarantine('look'), accept()]),
  onMessage(async ({ body }) => {
    await body.bytes();
    return doubtful ? tempfail() : addHeader('A', 'b');
  }),
  onMessage({ body: 'none' }, async () => {
    await later;
  }),
  onMessage(() => NEVER),
  onMessage(() => of(addHeader('A', 'b'), allow())),
  onMessage(({ body }) =>
    from(body).pipe(
      concatMap(() => timer(1)),
      map(() => (doubtful ? reject() : undefined)),
    ),
  ),
  onMessage(function* () {
    yield addHeader('A', 'b');
    return accept();
  }),
  onMessage({ body: 'stream' }, async function* ({ body }) {
    for await (const piece of body) if (piece.length > 10) return reject();
    yield addHeader('A', 'b');
    return undefined;
  }),
  // @ts-expect-error skip() is about a body that arrives
  onMessage(() => skip()),
  // @ts-expect-error also out of a promise
  onMessage(async () => {
    await later;
    return skip();
  }),
  // @ts-expect-error also out of a stream
  onMessage({ body: 'stream' }, () => of(skip())),
  // @ts-expect-error a decision has to be made: reject()
  onMessage(() => reject),
  // @ts-expect-error text is no answer
  onMessage(() => 'reject'),
  // @ts-expect-error nor is a number
  onMessage(() => Promise.resolve(1)),

  // Edits.
  onMessage((message) => edit(message, (draft) => void draft.headers.set('A', 'b'))),
  onMessage({ body: 'none' }, (message) => edit(message, () => undefined)),
  onMessage({ body: 'none' }, (message) => [edit(message, () => undefined), quarantine('look')]),
  onMessage(async (message) => [await edit(message, async () => later), accept()]),
  onMessage({ body: 'stream' }, function* (message) {
    yield edit(message, () => undefined);
    return accept();
  }),
  onMessage((message) => {
    typed<Edit>()(edit(message, () => undefined));
    typed<Promise<Edit>>()(edit(message, async () => later));
    typed<Promise<Edit>>()(edit(message, () => later));
    return edit(message, (draft) => {
      typed<Draft>()(draft);
      typed<EnvelopePath>()(draft.sender);
      draft.sender = 'a@b.test';
      draft.sender = { address: 'a@b.test', args: ['RET=FULL'] };
      draft.body = 'text';
      draft.body = Buffer.from('bytes');
      draft.body = message.body;
      draft.body = message.body.readable();
      draft.body = undefined;
      typed<HeaderField>()(draft.headers.set('A', 'b'));
      typed<HeaderField>()(draft.headers.append('A', Buffer.from('b')));
      typed<number>()(draft.headers.delete('A'));
      typed<number>()(draft.recipients.delete('a@b.test'));
      typed<boolean>()(draft.recipients.has('a@b.test'));
      // @ts-expect-error a number is no sender
      draft.sender = 1;
      // @ts-expect-error nor a body
      draft.body = 1;
      // @ts-expect-error a value is text or bytes
      draft.headers.set('A', 1);
    });
  }),
  // @ts-expect-error an edit is of a message
  onMessage(() => edit({}, () => undefined)),
  // @ts-expect-error and has a change
  onMessage((message) => edit(message)),

  // A body that is answered with.
  onMessage(({ body }) => replaceBody(body)),
  onMessage({ body: 'stream' }, ({ body }) => replaceBody(body)),
  // @ts-expect-error there is no body
  onMessage({ body: 'none' }, ({ body }) => replaceBody(body)),
];

// Options of one's own, in which a word is a string to the compiler: the body may be any.
const options = { body: 'none', limits: { headers: 100 } };
export const loose: Filter = onMessage(options, (message) => {
  typed<Message<BodyMode>>()(message);
  typed<BufferedBody | StreamedBody | undefined>()(message.body);
  return accept();
});

// A project by itself.
export const project: MessageProject<'stream'> = ({ body }) =>
  from(body).pipe(
    concatMap(() => timer(1)),
    map(() => reject()),
  );
export const filter: Filter = onMessage({ body: 'stream' }, project);
// @ts-expect-error it reads a stream
export const other: Filter = onMessage({ body: 'buffer' }, project);
