/** The library itself, served with its default options: one filter per work. */
import { createHash } from 'node:crypto';
import { pathToFileURL } from 'node:url';

import { announce, request } from './process.mjs';

const library = process.env.RXMILTER_DIST ?? new URL('../../dist/index.js', import.meta.url).pathname;
/** @typedef {import('rxmilter').Message<'buffer' | 'none'>} Message */
/** @type {typeof import('rxmilter')} */
const { addHeader, compose, edit, observe, on, onMessage, perMessage, reject, serve } = await import(
  pathToFileURL(library).href
);

const BEFORE_EOM = /** @type {const} */ ([
  'connect',
  'helo',
  'mail',
  'rcpt',
  'data',
  'header',
  'eoh',
  'body',
]);
const nothing = () => undefined;
const mark = () => on('eom', () => addHeader('X-Bench', '1'));

function digest() {
  const hash = createHash('sha256');
  return compose(
    observe('body', (event) => {
      hash.update(event.chunk);
    }),
    on('eom', () => addHeader('X-SHA256', hash.digest('hex'))),
  );
}

const watch = () => compose(observe(BEFORE_EOM, nothing), mark());

/** Says what was collected. @param {Message} message @param {import('rxmilter').Draft} draft */
function say({ headers, body }, draft) {
  draft.headers.append('X-Bench', `${headers.length} fields, ${body?.size ?? 0} bytes`);
}

/** @param {Message} message */
const label = (message) => edit(message, (draft) => say(message, draft));

/** @param {string} old the recipient that gives way to another */
const edited = (old) => () =>
  onMessage((message) =>
    edit(message, (draft) => {
      draft.headers.set('Subject', `[bench] ${message.headers.get('Subject')}`);
      say(message, draft);
      if (draft.recipients.delete(old) > 0) draft.recipients.add('carol@example.net');
    }),
  );

/** @type {Record<string, () => import('rxmilter').Filter>} */
const filters = {
  a: () => compose(on(BEFORE_EOM, nothing), mark()),
  b: watch,
  c: () => mark(),
  d: () => perMessage(digest),
  e: () =>
    compose(
      on(
        BEFORE_EOM.filter((stage) => stage !== 'rcpt'),
        nothing,
      ),
      on('rcpt', () => reject({ code: 550, enhanced: '5.1.1', text: 'No such user' })),
      on('eom', nothing),
    ),
  f: watch,
  g: () => onMessage(label),
  k: () => onMessage(label),
  m: () => onMessage(label),
  h: () => onMessage({ body: 'none' }, label),
  i: () => onMessage({ maxBytes: 1024 }, label),
  j: edited('bob@example.net'),
  l: edited('user25@example.net'),
};

const { endpoint, negotiation } = request;

/** Only where another one is asked for than the library gives by itself. @returns {import('rxmilter').ServeOptions['negotiate']} */
function another() {
  if (negotiation === undefined) return undefined;
  const protocol = Buffer.from(negotiation, 'hex').readUInt32BE(13);
  return (_offer, derived) => ({ ...derived, protocol });
}

await serve(filters[request.work](), { listen: endpoint, negotiate: another() });
announce();
