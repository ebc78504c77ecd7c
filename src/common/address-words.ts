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
  switch (character) {
    case '"': {
      const end = closing(text, at, '"');
      return end === -1
        ? undefined
        : { text: unescaped(text.slice(at + 1, end)), kind: 'word', end: end + 1 };
    }
    case '[': {
      const end = closing(text, at, ']');
      return end === -1 ? undefined : { text: text.slice(at, end + 1), kind: 'literal', end: end + 1 };
    }
    case '\\':
      return { text: text.charAt(at + 1), kind: 'word', end: at + 2 };
    case '<':
    case '>':
    case '@':
    case ',':
    case ';':
    case ':':
    case '.':
    case ')':
      return { text: character, kind: 'special', end: at + 1 };
    default: {
      PLAIN.lastIndex = at;
      const [plain = character] = PLAIN.exec(text) ?? [];
      return { text: plain, kind: 'word', end: at + plain.length };
    }
  }
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
