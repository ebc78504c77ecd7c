import { asciiDomain } from './parse-address.js';

/** A piece of an address: a word, its quotes and backslashes taken away, or one of the characters `<>@,;:.)`. */
interface Word {
  readonly text: string;
  readonly isSpecial: boolean;
  /** Whether there is a blank or a comment before it. */
  readonly spaced: boolean;
}

/** Blanks; a string in quotes, a literal in brackets, a character behind a backslash, one of the specials, other text. */
const TOKEN =
  /[\t\n\r ]+|"((?:\\[^]|[^"\\])*)"|(\[(?:\\[^]|[^\]\\])*\])|\\([^]?)|([<>@,;:.)])|([^\t\n\r ()<>@,;:."[\\]+)/y;

/**
 * Divides an address into words as mail servers do, by the rules for headers (RFC 5322, 3.2): comments and blanks are
 * left out, and quotes and backslashes taken away. Linear in the length. Nothing where a quote or a bracket is not closed.
 */
function addressWords(text: string): Word[] | undefined {
  const words: Word[] = [];
  let spaced = false;
  for (let at = 0; at < text.length;) {
    if (text[at] === '(') {
      spaced = true;
      at = afterComment(text, at);
      continue;
    }
    TOKEN.lastIndex = at;
    const [token, quoted, literal, escaped, special, plain] = TOKEN.exec(text) ?? [];
    if (token === undefined) return undefined;
    at += token.length;
    const word = literal ?? special ?? quoted?.replace(/\\([^])/g, '$1') ?? escaped ?? plain;
    if (word !== undefined) {
      words.push({ text: word, isSpecial: special !== undefined, spaced });
    }
    spaced = word === undefined;
  }
  return words;
}

/** Comments may be in comments; one that is not closed goes to the end. */
function afterComment(text: string, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    const character = text[at];
    if (character === '\\') at++;
    else if (character === '(') depth++;
    else if (character === ')' && --depth === 0) return at + 1;
  }
  return text.length;
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
 * @remarks
 * A client chooses the spelling: case and forms of Unicode (RFC 5321, 2.4, lets a server tell `Bob` from `bob`; next to
 * none does), the domain in Unicode or as `xn--…` and with dots at its end, needless quotes and backslashes, comments and
 * blanks, a source route (`@a.example:bob@x.example`), `bob%x.example`, `x.example!bob` and `"bob@x.example"` without a
 * domain, angle brackets with or without a name.
 *
 * The key is an address itself, which `parseAddress()` divides; the key of a key is the same. The null sender's is `''`.
 * Text that is no address, or longer than 8 192 characters, is its own key. Never throws. Aliases, `bob+lists` and the
 * names of its own host are known to the mail server only.
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
function partsOf(text: string): Record<'local' | 'domain', string | undefined> | undefined {
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

function is({ isSpecial, text }: Word, ...specials: readonly string[]): boolean {
  return isSpecial && specials.includes(text);
}

function lastOf(words: readonly Word[], special: string): number {
  return words.map((word) => is(word, special)).lastIndexOf(true);
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
  for (let last = words[end - 1]; last !== undefined && is(last, ',', ';'); last = words[--end - 1]) {
    group ||= last.text === ';';
  }
  const route = words[0] !== undefined && is(words[0], '@');
  const colon = group && !route ? lastOf(words.slice(0, end), ':') : -1;
  return words.slice(colon + 1, end);
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
    if (is(word, ',', ';', '>', ')')) return undefined;
    text += !word.isSpecial && afterWord && word.spaced ? `.${word.text}` : word.text;
    afterWord = !word.isSpecial;
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
 * @remarks
 * They are where both have the same `addressKey()`. Never throws.
 *
 * @example sameAddress('Info@Bücher.example', '<"info"@xn--bcher-kva.example.>'); // true
 */
export function sameAddress(a: string, b: string): boolean {
  return a === b || addressKey(a) === addressKey(b);
}
