import { pipeline, Readable, type Transform } from 'node:stream';
import { buffer } from 'node:stream/consumers';

import { Finder } from './finder.js';
import { isSealed, type Part, shownParts } from './text-parts.js';

/** A body that can be read more than once. */
type RereadableBody = AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

/** What appending a text makes of a message. */
export interface AppendedText {
  readonly body: PatchedBody;
  /** The fields of the message's own header that change with it, each with its value. */
  readonly fields: readonly (readonly [name: string, value: string])[];
}

/** How a text is put into a part: the content is decoded, converted and encoded again only where it has to be. */
interface Plan {
  readonly part: Part;
  readonly decode: boolean;
  /** The charset that the content is converted from, to UTF-8. */
  readonly from: string | undefined;
  /** The transfer encoding that is written. */
  readonly to: string;
  readonly encode: boolean;
  /** The place in the content, decoded and converted as it is by then. */
  readonly at: number;
  readonly inserted: Uint8Array;
}

/** A range of the body, and what stands in its place. */
interface Piece {
  readonly start: number;
  readonly end: number;
  readonly content: () => AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

/** A body with other pieces in place of its own. */
export class PatchedBody implements AsyncIterable<Uint8Array> {
  readonly #body: RereadableBody;
  readonly #pieces: readonly Piece[];

  constructor(body: RereadableBody, pieces: readonly Piece[]) {
    this.#body = body;
    this.#pieces = pieces;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    let at = 0;
    for (const { start, end, content } of this.#pieces) {
      yield* rangeOf(this.#body, at, start);
      yield* content();
      at = end;
    }
    yield* rangeOf(this.#body, at, Infinity);
  }
}

const BEYOND_ASCII = /[^\0-\x7f]/u;
const ALL_BEYOND_ASCII = /[^\0-\x7f]/gu;
/** RFC 5322, 2.1.1. */
const LONGEST_LINE = 998;
const ENCODINGS = new Set(['7bit', '8bit', 'binary', 'quoted-printable', 'base64']);
const ASCII = new Set(['us-ascii', 'ascii', 'ansi_x3.4-1968']);
const ARMOUR = '^-----BEGIN PGP (?:SIGNED )?MESSAGE-----';
const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };

/** A tag as it may stand in quoted-printable, too: broken by soft line breaks. */
const SOFT_BREAK = '(?:=[ \\t]*\\r?\\n)?';
const tag = (name: string): string => ['(?:<|=3c)', '/', ...Array.from(name)].join(SOFT_BREAK);

/**
 * Puts a text where the text of a message ends, for readers of plain text and for those of HTML.
 *
 * @param header with the empty line after it
 * @returns nothing where it could not be put before all of them
 * @throws Error where the package mailsplit is not installed; what reading the body throws
 */
export async function appendText(
  header: Uint8Array,
  body: RereadableBody,
  text: string,
  html = htmlOf(text),
): Promise<AppendedText | undefined> {
  const lines = text.replace(/\r\n?|\n/g, '\r\n').replace(/(?<!\n)$/, '\r\n');
  const markup = html.replace(ALL_BEYOND_ASCII, (char) => `&#${String(char.codePointAt(0))};`);
  const plans: Plan[] = [];
  for (const part of await shownParts(header, body)) {
    const { contentType, flowed } = part.node;
    const words = contentType === 'text/html' ? `\r\n${markup}\r\n` : flowed ? stuffed(lines) : lines;
    const plan = await planFor(part, body, words);
    if (plan === undefined) return undefined;
    plans.push(plan);
  }
  if (plans.length === 0) return undefined;

  const fields: [string, string][] = [];
  const pieces = plans.flatMap((plan): Piece[] => {
    const { node, header: start, start: end } = plan.part;
    const before = node.getHeaders();
    if (plan.from !== undefined) node.setCharset('utf-8');
    if (plan.to !== encodingOf(plan.part)) node.getEncoder(plan.to);
    const changed = node.getHeaders();
    const content: Piece = { start: end, end: plan.part.end, content: () => contentOf(plan, body) };
    if (before.equals(changed)) return [content];
    if (node.parentNode !== false) return [{ start, end, content: () => [changed] }, content];
    for (const name of ['Content-Type', 'Content-Transfer-Encoding']) {
      const [line] = node.headers.get(name);
      const value = line?.slice(line.indexOf(':') + 1).trim();
      if (value !== undefined) fields.push([name, value.replace(/\r\n/g, '\n')]);
    }
    fields.push(['MIME-Version', '1.0']);
    return [content];
  });
  pieces.sort((one, other) => one.start - other.start);
  return { body: new PatchedBody(body, pieces), fields };
}

/** Finds how a text can be put into a part: the first way in which all of the content can be read. */
async function planFor(part: Part, body: RereadableBody, text: string): Promise<Plan | undefined> {
  const encoding = encodingOf(part);
  const ways = charsetsToTry(part, BEYOND_ASCII.test(text));
  if (isSealed(part) || !ENCODINGS.has(encoding)) return undefined;
  for (const from of ways) {
    // Bytes that quoted-printable does not allow are not decoded: each decoder makes something else of them.
    if (from !== undefined && encoding === 'quoted-printable' && part.eightBit) return undefined;
    const isTooLong = text.split('\r\n').some((line) => Buffer.byteLength(line) > LONGEST_LINE);
    const is7bit = encoding === '7bit' && (isTooLong || BEYOND_ASCII.test(text));
    const to = is7bit || (encoding === '8bit' && isTooLong) ? 'quoted-printable' : encoding;
    const decode = encoding === 'base64' || (encoding === 'quoted-printable' && from !== undefined);
    const encode = decode || to !== encoding;
    const plan = { part, decode, from, to, encode, at: 0, inserted: Buffer.alloc(0) };
    const found = await placeIn(plan, body);
    if (found === 'sealed') return undefined;
    if (found === 'unreadable') continue;
    const bytes = Buffer.from(found.breaks + text);
    const isEncoded = to === 'quoted-printable' && !encode;
    const inserted = isEncoded
      ? await buffer(through([bytes], part.node.getEncoder('quoted-printable')))
      : bytes;
    return { ...plan, at: found.at, inserted };
  }
  return undefined;
}

function encodingOf({ node }: Part): string {
  return node.encoding === false || node.encoding === '' ? '7bit' : node.encoding;
}

/** The charsets from which the content may have to be converted, the likeliest first; `undefined` where it need not be. */
function charsetsToTry({ node, eightBit }: Part, beyondAscii: boolean): readonly (string | undefined)[] {
  const charset = node.charset === false ? 'us-ascii' : node.charset.trim().toLowerCase();
  if (ASCII.has(charset)) {
    if (!beyondAscii) return [undefined];
    // Bytes that should not be there are what most programs take them for.
    return eightBit || node.encoding === 'base64' ? ['utf-8', 'windows-1252'] : ['utf-8'];
  }
  let label: string;
  try {
    label = new TextDecoder(charset).encoding;
  } catch {
    return [];
  }
  return label === 'utf-8' || (!beyondAscii && !label.startsWith('utf-16')) ? [undefined] : [label];
}

/** Reads the content of a part once, for the place in it, and for what ends the line there. */
async function placeIn(
  plan: Plan,
  body: RereadableBody,
): Promise<{ readonly at: number; readonly breaks: string } | 'sealed' | 'unreadable'> {
  const isHtml = plan.part.node.contentType === 'text/html';
  const armour = new Finder(ARMOUR, 64);
  const ends = isHtml ? ['body', 'html'].map((name) => new Finder(tag(name), 64)) : [];
  let [size, last] = [0, ''];
  try {
    for await (const piece of viewOf(plan, body)) {
      for (const finder of [armour, ...ends]) finder.push(piece);
      size += piece.length;
      last = (last + Buffer.from(piece.subarray(-80)).toString('latin1')).slice(-80);
    }
  } catch (error) {
    if (
      plan.from !== undefined &&
      (error as NodeJS.ErrnoException).code === 'ERR_ENCODING_INVALID_ENCODED_DATA'
    ) {
      return 'unreadable';
    }
    throw error;
  }
  if (armour.at >= 0) return 'sealed';
  const end = ends.find(({ at }) => at >= 0);
  if (end !== undefined) return { at: end.at, breaks: '' };
  // An equals sign takes the next line break away.
  const isSoft =
    plan.part.node.encoding === 'quoted-printable' && !plan.decode && /=[ \t]*(?:\r?\n)?$/.test(last);
  // A line that ends with a blank would be joined with the first one of the text.
  const joins = plan.part.node.flowed && /(?: |=20)\r?\n$/.test(last);
  const isOpen = joins || (size > 0 && !last.endsWith('\n'));
  return { at: size, breaks: '\r\n'.repeat(Number(isSoft) + Number(isOpen)) };
}

/** The new content of a part. */
function contentOf(plan: Plan, body: RereadableBody): AsyncIterable<Uint8Array> {
  const content = spliced(viewOf(plan, body), plan.at, plan.inserted);
  return plan.encode ? through(content, plan.part.node.getEncoder(plan.to)) : content;
}

/** The content of a part, decoded and converted as far as the plan says. */
function viewOf({ part, decode, from }: Plan, body: RereadableBody): AsyncIterable<Uint8Array> {
  const raw = rangeOf(body, part.start, part.end);
  const decoded = decode ? through(raw, part.node.getDecoder()) : raw;
  return from === undefined ? decoded : converted(decoded, from);
}

/** Lines that a reader of `format=flowed` does not join, and whose beginnings it does not take away (RFC 3676, 4). */
function stuffed(lines: string): string {
  return lines.replace(/^(?= |>|From )/gm, ' ').replace(/^(?!-- \r\n)(.*?) +(?=\r\n)/gm, '$1');
}

function htmlOf(text: string): string {
  const escaped = text.replace(/[&<>]/g, (char) => ENTITIES[char] ?? char);
  return `<div>${escaped.replace(/\r\n?|\n/g, '<br>\r\n')}</div>`;
}

/** A stream whose source is ended with it, and which fails with it. */
function through(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  transform: Transform,
): AsyncIterable<Uint8Array> {
  return pipeline(Readable.from(source), transform, () => undefined);
}

async function* rangeOf(body: RereadableBody, start: number, end: number): AsyncGenerator<Uint8Array> {
  let at = 0;
  if (start >= end) return;
  for await (const piece of body) {
    const part = piece.subarray(Math.max(0, start - at), Math.max(0, end - at));
    if (part.length > 0) yield part;
    at += piece.length;
    if (at >= end) return;
  }
}

async function* converted(source: AsyncIterable<Uint8Array>, from: string): AsyncGenerator<Uint8Array> {
  const decoder = new TextDecoder(from, { fatal: true });
  for await (const piece of source) yield Buffer.from(decoder.decode(piece, { stream: true }));
  yield Buffer.from(decoder.decode());
}

async function* spliced(
  source: AsyncIterable<Uint8Array>,
  place: number,
  inserted: Uint8Array,
): AsyncGenerator<Uint8Array> {
  let at = 0;
  for await (const piece of source) {
    const before = place - at;
    at += piece.length;
    if (before < 0 || before >= piece.length) yield piece;
    else yield Buffer.concat([piece.subarray(0, before), inserted, piece.subarray(before)]);
  }
  if (at <= place) yield inserted;
}
