import { asciiDomain } from './parse-address.js';

/** A piece of an address: a word, its quotes and backslashes taken away, or one of the characters `<>@,;:.`. */
export interface Word {
  readonly text: string;
  readonly kind: 'word' | 'literal' | 'special';
  /** Whether there is a blank or a comment before it. */
  readonly spaced: boolean;
}

const PLAIN = /[^\t\n\r ()<>@,;:."[\\]+/y;

/**
 * Divides an address into words as mail servers do, by the rules for headers (RFC 5322, 3.2): comments and blanks are
 * left out, and quotes and backslashes taken away. Linear in the length.
 *
 * @returns nothing where a quote or a bracket is not closed
 */
export function addressWords(text: string): Word[] | undefined {
  const words: Word[] = [];
  let spaced = false;
  for (let at = 0; at < text.length;) {
    const character = text.charAt(at);
    if (isBlank(character)) {
      spaced = true;
      at++;
      continue;
    }
    if (character === '(') {
      spaced = true;
      at = afterComment(text, at);
      continue;
    }
    const word = wordAt(text, at);
    if (word === undefined) return undefined;
    words.push({ text: word.text, kind: word.kind, spaced });
    spaced = false;
    at = word.end;
  }
  return words;
}

interface Found extends Pick<Word, 'text' | 'kind'> {
  readonly end: number;
}

function wordAt(text: string, at: number): Found | undefined {
  const character = text.charAt(at);
  if (character === '"') {
    const end = closing(text, at, '"');
    return end === -1 ? undefined : { text: unescaped(text.slice(at + 1, end)), kind: 'word', end: end + 1 };
  }
  if (character === '[') {
    const end = closing(text, at, ']');
    return end === -1 ? undefined : { text: text.slice(at, end + 1), kind: 'literal', end: end + 1 };
  }
  if (character === '\\') return { text: text.charAt(at + 1), kind: 'word', end: at + 2 };
  if ('<>@,;:.)'.includes(character)) return { text: character, kind: 'special', end: at + 1 };
  PLAIN.lastIndex = at;
  const [plain = character] = PLAIN.exec(text) ?? [];
  return { text: plain, kind: 'word', end: at + plain.length };
}

function isBlank(character: string): boolean {
  return character === ' ' || character === '\t' || character === '\n' || character === '\r';
}

/** Where a quoted string or a literal that begins there is closed; -1 where it is not. */
function closing(text: string, start: number, mark: string): number {
  for (let at = start + 1; at < text.length; at++) {
    const character = text.charAt(at);
    if (character === mark) return at;
    if (character === '\\') at++;
  }
  return -1;
}

/** Comments may be in comments; one that is not closed goes to the end. */
function afterComment(text: string, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    const character = text.charAt(at);
    if (character === '\\') at++;
    else if (character === '(') depth++;
    else if (character === ')' && --depth === 0) return at + 1;
  }
  return text.length;
}

function unescaped(text: string): string {
  return text.includes('\\') ? text.replace(/\\([^])/g, '$1') : text;
}

/** Longer text is no address: a line of SMTP has 2 048 characters in Postfix and Sendmail. */
const LONGEST = 8_192;
/** No longer text is brought into Unicode's NFC. */
const LONGEST_FOLDED = 2_048;
const DOT_STRING = /^[^\0-\x20()<>@,;:\\"[\].\x7f]+(?:\.[^\0-\x20()<>@,;:\\"[\].\x7f]+)*$/;
/** Nearly all addresses are written like this, and need no more than small letters. */
const USUAL = /^[\w!#$%&'*+\-/=?^`{|}~]+(?:\.[\w!#$%&'*+\-/=?^`{|}~]+)*@[\w-]+(?:\.[\w-]+)*$/;
const DOMAIN = /^(?:[^\0-\x20()<>@,;\\"[\]\x7f]*|\[[^[\]\\]*\])$/;

/**
 * Returns the one spelling that all spellings of a mailbox have in common. Compare and count addresses by it.
 *
 * @remarks Mail servers take many spellings for one mailbox, and show a filter the one that the client has chosen:
 *
 * - upper and lower case, and the forms of Unicode (RFC 5321, 2.4, lets a server tell `Bob` from `bob`; next to none does);
 * - a domain in Unicode or as `xn--…`, with dots at its end;
 * - quotes and backslashes that are not needed (`"bob"@x.example`), comments and blanks;
 * - a source route (`@a.example,@b.example:bob@x.example`), and without a domain `bob%x.example`, `x.example!bob` and
 *   `"bob@x.example"`;
 * - angle brackets, with a name before them or not.
 *
 * The key is an address itself, which `parseAddress()` divides; the key of a key is the same. The null sender's is `''`.
 * Text that is no address, or longer than 8 192 characters, is its own key. Never throws, and takes time in proportion to
 * the length.
 *
 * Which other addresses are delivered to the same mailbox, only the mail server knows: aliases, `bob+lists`, the names of
 * its own host, or `bob%x.example@y.example`, which some send on.
 *
 * @example
 * const closed = new Set(['Sales@example.org'].map((address) => addressKey(address)));
 * on('rcpt', ({ address }) => (closed.has(addressKey(address)) ? reject('This mailbox is closed') : undefined));
 * @see sameAddress for two addresses
 */
export function addressKey(address: string): string {
  if (USUAL.test(address)) return address.toLowerCase();
  const text = fold(address);
  return keyOf(text) ?? withoutBrackets(text);
}

function fold(text: string): string {
  // Of many combining characters each is moved past all the others: the time grows with the square.
  if (text.length > LONGEST_FOLDED) return text.toLowerCase();
  // Small letters may have a form of their own.
  return text.normalize('NFC').toLowerCase().normalize('NFC');
}

/** Text that cannot be read as an address is only the same as itself. */
function withoutBrackets(text: string): string {
  let [start, end] = [0, text.length];
  while (end - start > 1 && text[start] === '<' && text[end - 1] === '>') [start, end] = [start + 1, end - 1];
  return text.slice(start, end);
}

function keyOf(text: string, unquoted = false): string | undefined {
  const parts = partsOf(text);
  if (parts === undefined) return undefined;
  const { local, domain } = parts;
  if (domain !== undefined) return put(local ?? '', domain);
  return local === undefined ? '' : withoutDomain(local, unquoted);
}

/** The parts before and behind the last `@`, without quotes; nothing where the text is no address. */
interface Parts {
  readonly local: string | undefined;
  readonly domain: string | undefined;
}

function partsOf(text: string): Parts | undefined {
  const words = text.length > LONGEST ? undefined : addressWords(text);
  if (words === undefined) return undefined;
  const path = withoutRoute(withoutGroup(insideBrackets(words)));
  if (path.length === 0) return { local: undefined, domain: undefined };
  const at = lastOf(path, '@');
  const local = joined(at === -1 ? path : path.slice(0, at));
  const domain = at === -1 ? undefined : joined(path.slice(at + 1));
  return local === undefined || (at !== -1 && domain === undefined) ? undefined : { local, domain };
}

/**
 * An address without route, comments, blanks and quotes that are not needed, and otherwise as it was written: what Postfix
 * keeps of a recipient, and knows it by. Nothing where the text is no address.
 */
export function plainAddress(address: string): string | undefined {
  const { local, domain } = partsOf(address) ?? {};
  if (local === undefined) return undefined;
  return domain === undefined ? written(local) : `${written(local)}@${domain}`;
}

function is({ kind, text }: Word, special: string): boolean {
  return kind === 'special' && text === special;
}

function lastOf(words: readonly Word[], special: string, end = words.length): number {
  for (let at = end - 1; at >= 0; at--) {
    const word = words[at];
    if (word !== undefined && is(word, special)) return at;
  }
  return -1;
}

/** The words within the last pair of angle brackets, the innermost; Sendmail ignores those behind it. */
function insideBrackets(words: readonly Word[]): readonly Word[] {
  const open = lastOf(words, '<');
  if (open === -1) return words;
  const close = words.findIndex((word, at) => at > open && is(word, '>'));
  return words.slice(open + 1, close === -1 ? words.length : close);
}

/** Without the comma or semicolon at the end, and the name of a group that the latter has ended. */
function withoutGroup(words: readonly Word[]): readonly Word[] {
  let end = words.length;
  let group = false;
  for (let last = words[end - 1]; last !== undefined && isEnd(last); last = words[--end - 1]) {
    group ||= last.text === ';';
  }
  const route = words[0] !== undefined && is(words[0], '@');
  const colon = group && !route ? lastOf(words, ':', end) : -1;
  return words.slice(colon + 1, end);
}

function isEnd(word: Word): boolean {
  return is(word, ',') || is(word, ';');
}

/** RFC 5321 (4.1.1.3) has servers ignore a source route. */
function withoutRoute(words: readonly Word[]): readonly Word[] {
  let start = 0;
  for (const [at, word] of words.entries()) {
    if (at === start && !is(word, '@')) break;
    if (is(word, ':')) start = at + 1;
  }
  return words.slice(start);
}

/** Words without their separators; Sendmail puts a dot for a blank. Nothing for a list, or half a bracket. */
function joined(words: readonly Word[]): string | undefined {
  let text = '';
  let afterWord = false;
  for (const word of words) {
    if (is(word, ',') || is(word, ';') || is(word, '>') || is(word, ')')) return undefined;
    const isWord = word.kind !== 'special';
    text += isWord && afterWord && word.spaced ? `.${word.text}` : word.text;
    afterWord = isWord;
  }
  return text;
}

/** Without a domain a mail server looks for one in what there is, also in what was in quotes. */
function withoutDomain(local: string, unquoted: boolean): string {
  if (!unquoted && local.includes('@') && !/["\\]/.test(local)) return keyOf(local, true) ?? written(local);
  const bang = local.indexOf('!');
  const at = local.includes('@') ? local.lastIndexOf('@') : bang === -1 ? local.lastIndexOf('%') : bang;
  if (at === -1) return written(local);
  const [before, behind] = [local.slice(0, at), local.slice(at + 1)];
  const address = local[at] === '!' ? put(behind, before) : put(before, behind);
  return address === undefined || /^""@|@$/.test(address) ? written(local) : address;
}

function put(local: string, domain: string): string | undefined {
  if (!DOMAIN.test(domain)) return undefined;
  return `${written(local)}@${withoutDots(asciiDomain(withoutDots(domain)))}`;
}

function withoutDots(domain: string): string {
  let end = domain.length;
  while (domain[end - 1] === '.') end--;
  return domain.slice(0, end);
}

function written(local: string): string {
  return DOT_STRING.test(local) ? local : `"${local.replace(/["\\]/g, '\\$&')}"`;
}

/**
 * Tells whether two addresses are spellings of one mailbox, as nearly all mail systems see it.
 *
 * @remarks They are where both have the same `addressKey()`. Never throws.
 * @param a with or without angle brackets
 * @param b likewise
 * @example sameAddress('Info@Bücher.example', '<"info"@xn--bcher-kva.example.>'); // true
 */
export function sameAddress(a: string, b: string): boolean {
  return a === b || addressKey(a) === addressKey(b);
}
