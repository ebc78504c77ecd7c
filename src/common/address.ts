import { domainToASCII } from 'node:url';

const ASCII_ONLY = /^[\0-\x7f]*$/;
/** A character of ASCII that no domain has; at some, the parser of URLs behind `domainToASCII` would cut or decode. */
const FOREIGN = /[^\w.\-\x80-\uffff]/;
const NUMBER_AT_END = /(?:^|\.)\d+$/;
/** No domain is that long (RFC 1035 has 255 bytes). */
const TOO_LONG = 1000;

/** A domain as domains are compared: small letters, labels as `xn--…` (RFC 5890), no dots at its end. */
function comparable(domain: string): string {
  // A dot of another script becomes one of ASCII.
  return withoutDots(toAscii(withoutDots(domain)));
}

function toAscii(domain: string): string {
  const lower = domain.toLowerCase();
  if (ASCII_ONLY.test(domain) || domain.length > TOO_LONG || FOREIGN.test(domain)) return lower;
  const ascii = domainToASCII(domain);
  // Digits of another script would be read as the number of an IPv4 address, a comma of another as one of ASCII.
  return ascii === '' || NUMBER_AT_END.test(ascii) || FOREIGN.test(ascii) ? lower : ascii;
}

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
/** No longer text is brought into Unicode's NFC: the time grows with the square. */
const LONGEST_COMPOSED = 2_048;
const DOT_STRING = /^[^\0-\x20()<>@,;:\\"[\].\x7f]+(?:\.[^\0-\x20()<>@,;:\\"[\].\x7f]+)*$/;
/** Nearly all addresses are written like this, and are their own mailbox. */
const USUAL =
  /^[a-z0-9!#$%&'*+\-/=?^_`{|}~]+(?:\.[a-z0-9!#$%&'*+\-/=?^_`{|}~]+)*@[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/;
/** The same with capitals, of ASCII alone. */
const WITH_CAPITALS = new RegExp(USUAL.source, 'i');
const DOMAIN = /^(?:[^\0-\x20()<>@,;\\"[\]\x7f]*|\[[^[\]\\]*\])$/;

/** A mail address and its parts. */
export interface AddressParts {
  /** As it was written, without angle brackets; `''` is the null sender. */
  readonly address: string;
  /** The part before the `@`, with quotes only where it needs them; all of it without an `@`. */
  readonly local: string;
  /** The part behind it, in small letters and in ASCII (`xn--…`), without a dot at its end; `''` without an `@`. */
  readonly domain: string;
  /** The one spelling that all spellings of the mailbox have in common. Compare, count and look up addresses by it. */
  readonly mailbox: string;
}

/**
 * Reads a mail address: its local part, its domain, and the mailbox that it is a spelling of.
 *
 * @remarks
 * A client chooses the spelling of a mailbox: case and forms of Unicode (RFC 5321, 2.4, lets a server tell `Bob` from
 * `bob`; next to none does), the domain in Unicode or as `xn--…` and with dots at its end, needless quotes and
 * backslashes, comments and blanks, a source route (`@a.example:bob@x.example`), `bob%x.example`, `x.example!bob` and
 * `"bob@x.example"` without a domain, angle brackets with or without a name. `mailbox` is the same for all of them.
 *
 * The mailbox is an address itself; the mailbox of a mailbox is the same. The null sender's is `''`. Text that is no
 * address, or longer than 8 192 characters, is divided at its last `@`, and is its own mailbox. Never throws. Aliases,
 * `bob+lists` and the names of its own host are known to the mail server only.
 *
 * @example
 * const closed = new Set(['Sales@example.org'].map((address) => parseAddress(address).mailbox));
 * on('rcpt', ({ mailbox }) => (closed.has(mailbox) ? reject('This mailbox is closed') : undefined));
 * @see sameAddress for two addresses
 */
export function parseAddress(address: string): AddressParts {
  const bare = address.startsWith('<') && address.endsWith('>') ? address.slice(1, -1) : address;
  const isSmall = USUAL.test(bare);
  if (isSmall || WITH_CAPITALS.test(bare)) {
    const at = bare.indexOf('@');
    const mailbox = isSmall ? bare : bare.toLowerCase();
    return { address: bare, local: bare.slice(0, at), domain: mailbox.slice(at + 1), mailbox };
  }
  const text = composed(address);
  const { local, domain = '' } = read(text) ?? read(innermost(text)) ?? lastDivided(innermost(text));
  // Small letters may have a form of their own.
  const folded = composed(text.toLowerCase());
  const inner = innermost(folded);
  const folds = read(folded) ?? read(inner);
  return { address: bare, local, domain, mailbox: folds === undefined ? inner : joined(folds) };
}

/** Text in Unicode's NFC, but where it is long: of many combining characters each is moved past all the others. */
function composed(text: string): string {
  return text.length > LONGEST_COMPOSED ? text : text.normalize('NFC');
}

/** A local part, written with quotes where it needs them, and the domain behind it where there is one. */
interface Divided {
  readonly local: string;
  readonly domain: string | undefined;
}

/** The empty path, of which `""` without a domain is no spelling. */
const EMPTY: Divided = { local: '', domain: undefined };

/** The parts of text that cannot be read as an address. */
function lastDivided(text: string): Divided {
  const at = text.lastIndexOf('@');
  if (at === -1) return { local: text, domain: undefined };
  return { local: text.slice(0, at), domain: comparable(text.slice(at + 1)) };
}

/** Text that cannot be read as an address, without the angle brackets around it. */
function innermost(text: string): string {
  let [start, end] = [0, text.length];
  while (end - start > 1 && text[start] === '<' && text[end - 1] === '>') [start, end] = [start + 1, end - 1];
  return text.slice(start, end);
}

function joined({ local, domain }: Divided): string {
  return domain === undefined ? local : `${local}@${domain}`;
}

/** The parts of an address; nothing where the text is no address. */
function read(text: string, unquoted = false): Divided | undefined {
  const words = wordsAround(text);
  if (words === undefined || words === EMPTY) return words;
  const { local, domain } = words;
  return domain === undefined ? withoutDomain(local, unquoted) : canonical(local, domain);
}

/** The texts before and behind the last `@`, without quotes; nothing where the text is no address. */
function wordsAround(text: string): Divided | undefined {
  const words = text.length > LONGEST ? undefined : addressWords(text);
  if (words === undefined) return undefined;
  const path = withoutRoute(withoutGroup(insideBrackets(words)));
  if (path.length === 0) return EMPTY;
  const at = lastOf(path, '@');
  const local = textOf(at === -1 ? path : path.slice(0, at));
  const domain = at === -1 ? undefined : textOf(path.slice(at + 1));
  return local === undefined || (at !== -1 && domain === undefined) ? undefined : { local, domain };
}

/**
 * An address without route, comments, blanks and quotes that are not needed, and otherwise as it was written: what Postfix
 * keeps of a recipient, and knows it by. Nothing where the text is no address.
 */
export function plainAddress(address: string): string | undefined {
  const words = wordsAround(address);
  if (words === undefined || words === EMPTY) return undefined;
  return joined({ local: written(words.local), domain: words.domain });
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
function textOf(words: readonly Word[]): string | undefined {
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
function withoutDomain(local: string, unquoted: boolean): Divided {
  const whole = { local: written(local), domain: undefined };
  if (!unquoted && local.includes('@') && !/["\\]/.test(local)) return read(local, true) ?? whole;
  const bang = local.indexOf('!');
  const at = local.includes('@') ? local.lastIndexOf('@') : bang === -1 ? local.lastIndexOf('%') : bang;
  if (at === -1) return whole;
  const [before, behind] = [local.slice(0, at), local.slice(at + 1)];
  const parts = local[at] === '!' ? canonical(behind, before) : canonical(before, behind);
  return parts === undefined || parts.domain === '' || parts.local === '""' ? whole : parts;
}

function canonical(local: string, domain: string): Divided | undefined {
  if (!DOMAIN.test(domain)) return undefined;
  return { local: written(local), domain: comparable(domain) };
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
 * They are where `parseAddress()` gives both the same `mailbox`. Never throws.
 *
 * @example sameAddress('Info@Bücher.example', '<"info"@xn--bcher-kva.example.>'); // true
 */
export function sameAddress(a: string, b: string): boolean {
  return a === b || parseAddress(a).mailbox === parseAddress(b).mailbox;
}
