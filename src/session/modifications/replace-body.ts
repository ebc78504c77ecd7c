import { AnswerError } from '../answer-error.js';
import { made } from '../answer-watch.js';
import type { BodySource, ReplaceBody } from '../modification.js';

/**
 * Replaces the body (libmilter's `smfi_replacebody`); needs the right `CHGBODY`.
 *
 * Lines end with CRLF. An empty body is one. A source that gives pieces is read to its end, into memory or a temporary
 * file, before anything of the answer is written. It is finished (`return()`, or `destroy()` of a stream) when the
 * message is aborted; where it fails or does not end in time, the message gets the failure decision, unchanged. Headers that describe the body (Content-Length, Content-Transfer-Encoding …) are the filter's
 * business. The last replacement wins.
 *
 * @param body text (UTF-8), bytes, or a Node stream or other (async) iterable of either; a source is read once
 * @throws AnswerError where it is none of these, or a stream that has been read to its end already, which would leave the
 *   message without a body
 * @example on('eom', () => replaceBody(createReadStream('notice.txt')))
 */
export function replaceBody(body: BodySource): ReplaceBody {
  if (isBodySource(body)) {
    if (!isReadThrough(body)) return made({ kind: 'replaceBody', body }, replaceBody);
    throw new AnswerError(
      'replaceBody: the stream has been read to its end already, and gives nothing any more. ' +
        'Give what was read from it, or a new stream.',
    );
  }
  throw new AnswerError(
    'replaceBody: the body is neither text, nor bytes, nor an (async) iterable or a Node stream of them.',
  );
}

function isBodySource(body: unknown): body is BodySource {
  if (typeof body === 'string' || body instanceof Uint8Array) return true;
  return (
    typeof body === 'object' && body !== null && (Symbol.asyncIterator in body || Symbol.iterator in body)
  );
}

/** Whether it is a Node stream that says so. Of one that is destroyed or has failed, reading it says what is wrong. */
function isReadThrough(body: BodySource): boolean {
  return typeof body === 'object' && 'readableEnded' in body && body.readableEnded === true;
}
