// @ts-check
import libmime from 'libmime';
import { MailParser } from 'mailparser';
import { finished as whenFinished } from 'node:stream';
import { finished } from 'node:stream/promises';

/**
 * Something in a mail is forbidden, or suspicious, or nobody can say what is in it.
 *
 * @typedef {{ verdict: 'forbidden' | 'suspicious' | 'broken', why: string }} Finding
 * @typedef {typeof import('./attachment-policy.mjs').RULES} Rules
 * @typedef {{ contentType: string | false, headerLines: { key: string, line: string }[], headers: Map<string, unknown>, children: Part[] }} Part
 */

const MIME_FIELDS = new Set(['content-type', 'content-disposition', 'content-transfer-encoding']);
const PLAIN = /^(7bit|8bit|binary)$/;
const ENCODINGS = /^(7bit|8bit|binary|base64|quoted-printable)$/;

/** A parser for which text is a part like any other: it is not collected in memory, and its name is looked at. */
class Parts extends MailParser {
  /** @type {string[]} */
  textTypes = [];
  /** @type {Part | undefined} */
  tree;
}

/**
 * What is wrong with a message, and with the messages in it, as far as they have been read.
 *
 * @param {import('node:stream').Readable} source destroyed when nobody wants to know more; its errors are thrown
 * @param {Rules} rules
 * @param {number} [depth]
 * @returns {AsyncGenerator<Finding, void>}
 */
export async function* findings(source, rules, depth = 0) {
  const parser = new Parts({ checksumAlgo: false, ignoreEmbedded: true });
  /** @type {import('node:stream').Readable | undefined} */
  let inside;
  // Where the mail ends too early, so does all that is read from it.
  whenFinished(source, (error) => void (error && parser.destroy(error)));
  parser.once('error', (error) => void inside?.destroy(error));
  source.pipe(parser);
  try {
    for await (const part of parser) {
      if (part.type !== 'attachment') continue;
      const { content } = part;
      inside = content;
      content.once('error', () => {}); // told by whoever reads it, unless nobody does any more
      const isMessage = part.contentType === 'message/rfc822';
      if (isMessage && depth === rules.depth) throw new Error('there are too many messages within messages');
      if (isMessage) yield* findings(content, rules, depth + 1);
      else yield* inPart(part, await beginningOf(content), rules);
      part.release?.();
    }
    // Rather no mail than one whose parts were not all seen.
    if (parser.tree === undefined || parser.text || parser.html)
      throw new Error('this version of mailparser is not supported');
    yield* inTree(parser.tree, rules);
  } catch (error) {
    // What this message is a part of goes on behind it. Where it was the source that failed, this throws its error.
    source.resume();
    await finished(source);
    yield { verdict: 'broken', why: `The mail cannot be read: ${error}` };
  } finally {
    source.destroy();
  }
}

/** @param {import('node:stream').Readable} content */
async function beginningOf(content) {
  let beginning = '';
  for await (const chunk of content) beginning = (beginning + chunk.toString('latin1', 0, 64)).slice(0, 64);
  return beginning;
}

/**
 * What is wrong with a part, by the name that mail programs show, and by its content.
 *
 * @param {import('mailparser').AttachmentStream} part
 * @param {string} beginning
 * @param {Rules} rules
 * @returns {Generator<Finding, void>}
 */
function* inPart({ filename = '', headers }, beginning, rules) {
  yield* inName(filename, rules);
  const content = rules.contents.find(({ begins }) => begins.test(beginning));
  if (content === undefined) return;
  const why = `${filename === '' ? 'A part without a name' : `"${filename}"`} is ${content.is}`;
  if (content.forbidden) yield { verdict: 'forbidden', why };
  const { value: type = '' } = /** @type {{ value?: string }} */ (headers.get('content-type') ?? {});
  const said = [type.toLowerCase(), extensionsOf(filename)[0] ?? ''];
  const claims = rules.contents.find(({ called }) => said.some((one) => called?.test(one)));
  if (/^text\//i.test(type) || (claims !== undefined && claims !== content)) {
    yield { verdict: 'suspicious', why: `${why}, and says that it is something else` };
  }
}

/**
 * What is wrong with the header of a part and of all parts below it.
 *
 * @param {Part} part
 * @param {Rules} rules
 * @returns {Generator<Finding, void>}
 */
function* inTree({ contentType, headerLines, headers, children }, rules) {
  const type = contentType || '';
  if (rules.types.test(type)) yield { verdict: 'forbidden', why: `A part is of the type ${type}` };
  const fields = headerLines.filter(({ key }) => MIME_FIELDS.has(key));
  for (const { line } of fields) for (const name of namesIn(line)) yield* inName(name, rules);
  // Where programs may disagree about what is a part of the mail, an attachment can hide.
  const encoding = String(headers.get('content-transfer-encoding') ?? '7bit')
    .trim()
    .toLowerCase();
  const multipart = type.startsWith('multipart/');
  const problem =
    new Set(fields.map(({ key }) => key)).size < fields.length
      ? 'has a field twice'
      : !(multipart ? PLAIN : ENCODINGS).test(encoding)
        ? `has the unknown encoding ${encoding}`
        : multipart && children.length === 0 && 'is said to have parts, and has none';
  if (problem) yield { verdict: 'broken', why: `A part of the mail ${problem}` };
  for (const child of children) yield* inTree(child, rules);
}

/**
 * @param {string} name
 * @param {Rules} rules
 * @returns {Generator<Finding, void>}
 */
function* inName(name, { programs, archives, innocent }) {
  const [last = '', inner = ''] = extensionsOf(name);
  const hidden = programs.test(inner) && !innocent.test(inner);
  if (programs.test(last) || (hidden && archives.test(last))) {
    yield { verdict: 'forbidden', why: `"${name}" is of a kind that is not taken here` };
  } else if (hidden) {
    yield { verdict: 'suspicious', why: `"${name}" has two extensions` };
  }
}

/**
 * The extensions of a name in small letters, the last one first. What cannot be seen, and blanks and dots at the end,
 * which Windows does not mind, make no difference.
 *
 * @param {string} name
 */
function extensionsOf(name) {
  // The end of a name says what it is; putting thousands of combining characters in order takes seconds.
  const visible = name
    .slice(-1_000)
    .normalize('NFKC')
    .replace(/[\p{Cc}\p{Cf}]/gu, '')
    .toLowerCase();
  const pieces = `_${visible}`.split(/[.:/\\]/).map((piece) => piece.trim());
  return pieces
    .filter((piece) => piece !== '')
    .slice(1)
    .reverse();
}

/**
 * Every name in a field, however it is written: of `filename="a.exe"; filename*=utf-8''a.txt` a mail program may show
 * either.
 *
 * @param {string} line
 */
function namesIn(line) {
  const value = line.slice(line.indexOf(':') + 1).replace(/\r?\n/g, '');
  const decoded = Object.entries(libmime.parseHeaderValue(value).params);
  const plain = value.matchAll(/name[*\d]*\s*=\s*(?:"((?:\\.|[^"\\])*)|([^;\s]*))/gi);
  return [
    ...decoded.filter(([key]) => /name/.test(key)).map(([, name]) => libmime.decodeWords(name)),
    ...[...plain].map(([, quoted, bare = '']) =>
      libmime.decodeWords(quoted?.replace(/\\(.)/g, '$1') ?? bare),
    ),
  ];
}
