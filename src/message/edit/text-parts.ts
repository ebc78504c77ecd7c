import { isAscii } from 'node:buffer';
import { pipeline, Readable, type Transform } from 'node:stream';

import { optionalPeer } from '../../common/optional-peer.js';

/** A part of a message as mailsplit gives it, where its header ends. */
interface MimeNode {
  readonly type: 'node';
  readonly parentNode: MimeNode | false;
  readonly contentType: string | false;
  /** In small letters. */
  readonly encoding: string | false;
  readonly charset: string | false;
  readonly disposition: string | false;
  readonly filename: string | false;
  /** Whether its lines may be joined by the reader (RFC 3676). */
  readonly flowed: boolean;
  /** The subtype. */
  readonly multipart: string | false;
  readonly headers: { get(name: string): string[]; getFirst(name: string): string };
  /** The header with the empty line after it. */
  getHeaders(): Buffer;
  setCharset(charset: string): void;
  getDecoder(): Transform;
  /** Another encoding is written into the header, too. */
  getEncoder(encoding?: string): Transform;
}

type Chunk = MimeNode | { readonly type: 'body' | 'data'; readonly node: MimeNode; readonly value: Buffer };

/** A part of a message, and where its header and its content are: bytes from the beginning of the body. */
export interface Part {
  readonly node: MimeNode;
  readonly header: number;
  readonly start: number;
  end: number;
  readonly parts: Part[];
  /** Whether there are bytes beyond ASCII. */
  eightBit: boolean;
}

/** The last part that is shown to readers of plain text, and to readers of HTML; one part may be both. */
interface Shown {
  readonly text?: Part | undefined;
  readonly html?: Part | undefined;
}

/**
 * The parts at whose ends the text of a message ends for those who read it: one, or one of plain text and one of HTML.
 * Attachments, and messages within, are not looked into.
 *
 * What is shown is what RFC 8621 (4.1.4) takes for the text of a message.
 *
 * @param header with the empty line after it
 * @returns none where there is no text, or mailsplit cannot tell the parts: there are more than it counts
 * @throws Error where the package mailsplit is not installed; what reading the body throws
 */
export async function shownParts(
  header: Uint8Array,
  body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<Part[]> {
  const root = await partsOf(header, body);
  const { text, html } = root === undefined ? {} : shownOf(root, 0, 'mixed', false);
  return [...new Set([text, html])].filter((part) => part !== undefined);
}

/** Whether the content is signed or encrypted as a whole, so that nothing may be changed in it. */
export function isSealed({ node }: Part): boolean {
  return node.multipart === 'signed' || node.multipart === 'encrypted';
}

function shownOf(part: Part, place: number, within: string, inAlternative: boolean): Shown {
  const { multipart, contentType, disposition, filename } = part.node;
  if (isSealed(part)) return { text: part, html: part };
  if (multipart !== false) {
    const isAlternative = multipart === 'alternative';
    const all = part.parts.map((one, at) => shownOf(one, at, multipart, inAlternative || isAlternative));
    const text = all
      .map((one) => one.text)
      .filter((one) => one !== undefined)
      .at(-1);
    const html = all
      .map((one) => one.html)
      .filter((one) => one !== undefined)
      .at(-1);
    return isAlternative ? { text: text ?? html, html: html ?? text } : { text, html };
  }
  if (disposition === 'attachment') return {};
  // Of related parts the first is shown; a named part that is not the first is an attachment.
  if (place > 0 && (within === 'related' || filename !== false)) return {};
  if (contentType === 'text/plain') return inAlternative ? { text: part } : { text: part, html: part };
  if (contentType === 'text/html') return inAlternative ? { html: part } : { text: part, html: part };
  return {};
}

async function partsOf(
  header: Uint8Array,
  body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<Part | undefined> {
  const Splitter = optionalPeer('@zone-eu/mailsplit', 'draft.appendText()') as new (
    options: object,
  ) => Transform;
  let at = -header.length;
  let size = 0;
  async function* whole(): AsyncGenerator<Uint8Array> {
    yield header;
    for await (const piece of body) {
      size += piece.length;
      yield piece;
    }
  }
  const splitter = pipeline(Readable.from(whole()), new Splitter({ ignoreEmbedded: true }), () => undefined);
  const parts = new Map<MimeNode, Part>();
  let root: Part | undefined;
  try {
    for await (const chunk of splitter as AsyncIterable<Chunk>) {
      if (chunk.type === 'node') {
        const start = at + chunk.getHeaders().length;
        const part: Part = {
          node: chunk,
          header: at,
          start,
          end: start,
          parts: [],
          eightBit: false,
        };
        parts.set(chunk, part);
        if (chunk.parentNode === false) root = part;
        else parts.get(chunk.parentNode)?.parts.push(part);
        at = start;
        continue;
      }
      const { value, node } = chunk;
      at += value.length;
      const part = chunk.type === 'body' ? parts.get(node) : undefined;
      if (part === undefined) continue;
      part.end = at;
      part.eightBit ||= !isAscii(value);
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EMAXLEN') return undefined;
    throw error;
  }
  // Where a byte is missing, no place is certain.
  return at === size ? root : undefined;
}
