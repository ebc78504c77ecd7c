/** The library itself, served with its default options: one filter per work. */
import { createHash } from 'node:crypto';
import { pathToFileURL } from 'node:url';

import { announce, request } from './process.mjs';

const library = process.env.RXMILTER_DIST ?? new URL('../../dist/index.js', import.meta.url).pathname;
const { addHeader, compose, edit, observe, on, onMessage, perMessage, reject, serve } = await import(
  pathToFileURL(library).href
);

const BEFORE_EOM = ['connect', 'helo', 'mail', 'rcpt', 'data', 'header', 'eoh', 'body'];
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

/** Says what was collected. */
const label = (message) =>
  edit(message, (draft) => {
    const fields = message.headers.length;
    draft.headers.append('X-Bench', `${fields} fields, ${message.body?.size ?? 0} bytes`);
  });

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
  h: () => onMessage({ body: 'none' }, label),
  i: () => onMessage({ maxBytes: 1024 }, label),
};

await serve(filters[request.work](), { listen: request.endpoint });
announce();
