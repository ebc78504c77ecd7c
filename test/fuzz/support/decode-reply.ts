/** What both ends have agreed to, as the MTA read it. */
export interface AgreedTerms {
  readonly version: number;
  readonly actions: number;
  readonly protocol: number;
}

/** One frame that an MTA was sent. */
export interface Heard {
  readonly letter: string;
  readonly kind: 'final' | 'change' | 'progress';
  /** Of a refusal with a text: its lines as the SMTP client is to read them, without their codes. */
  readonly lines?: readonly string[];
}

/** Which right each change needs. */
const RIGHTS: Readonly<Record<string, number>> = {
  h: 0x1,
  i: 0x1,
  b: 0x2,
  '+': 0x4,
  '-': 0x8,
  m: 0x10,
  q: 0x20,
  e: 0x40,
  '2': 0x80,
};
/** The most data by the bits that were agreed to: the usual size, and those that some builds of Sendmail offer. */
const maxData = (protocol: number): number =>
  (protocol & 0x20000000) !== 0 ? 1048575 : (protocol & 0x10000000) !== 0 ? 262143 : 65535;

/**
 * Reads a frame as strictly as the strictest MTA does, without anything of ours: one byte too many, a string without
 * its end, a text that would make another line, and it throws.
 */
export function decodeReply(frame: Buffer, actions: number, protocol = 0): Heard {
  const complain = (what: string): Error => new Error(`${what}: ${frame.toString('hex', 0, 200)}`);
  if (frame.length < 5 || frame.readUInt32BE(0) !== frame.length - 4) throw complain('a wrong length');
  const letter = frame.toString('latin1', 4, 5);
  const data = frame.subarray(5);
  if (data.length > maxData(protocol)) throw complain('more data than a frame may have');
  if ('cartds'.includes(letter) || letter === 'p') {
    if (data.length > 0) throw complain(`data after ${letter}`);
    return { letter, kind: letter === 'p' ? 'progress' : 'final' };
  }
  if (letter === 'y') return { letter, kind: 'final', lines: replyLines(data, complain) };
  const right = RIGHTS[letter];
  if (right === undefined) throw complain('a letter that no filter may send');
  if ((actions & right) === 0) throw complain(`${letter} without its right`);
  if (letter === 'b') return { letter, kind: 'change' };
  const header = 'him'.includes(letter);
  const indexed = letter === 'i' || letter === 'm';
  const index = indexed ? data.readUInt32BE(0) : undefined;
  const strings = stringsIn(data.subarray(indexed ? 4 : 0), complain);
  const [first = '', second] = strings;
  if (header) {
    if (strings.length !== 2) throw complain('a header change of other than two strings');
    if (!/^[!-9;-~]+$/.test(first)) throw complain('no header name');
    if (/\r|\n(?![ \t])/.test(second ?? '')) throw complain('a line break that makes another header');
    if (index !== undefined && index > 0x7fffffff) throw complain('a negative index');
    if (letter === 'm' && index === 0) throw complain('an index 0 of a header to change');
    return { letter, kind: 'change' };
  }
  const most = letter === 'e' || letter === '2' ? 2 : 1;
  if (strings.length < 1 || strings.length > most) throw complain(`${strings.length} strings`);
  if (letter === 'q') {
    if (first === '' || /[\r\n]/.test(first)) throw complain('a reason that is no line');
  } else {
    if (!/^<[^\0- \x7f<>]*>$/.test(first)) throw complain('no address in angle brackets');
    if (first === '<>' && letter !== 'e') throw complain('an empty address');
    // An empty string of arguments is none, which Postfix takes in a change of the sender.
    if (second === '' && letter === 'e') return { letter, kind: 'change' };
    if (second !== undefined && !/^[^\0- \x7f]+( [^\0- \x7f]+)*$/.test(second))
      throw complain('no arguments');
  }
  return { letter, kind: 'change' };
}

/** Strings that end with a NUL each, and nothing else. */
function stringsIn(data: Buffer, complain: (what: string) => Error): string[] {
  if (data.length === 0 || data.at(-1) !== 0) throw complain('a string without its end');
  return data.toString('latin1', 0, data.length - 1).split('\0');
}

/** The lines of a refusal: the same codes on each, a hyphen on all but the last, percent signs doubled. */
function replyLines(data: Buffer, complain: (what: string) => Error): string[] {
  const [text = '', ...more] = stringsIn(data, complain);
  if (more.length > 0) throw complain('a NUL within a text');
  const lines = text.split('\r\n');
  if (lines.length > 32) throw complain(`${lines.length} lines`);
  const code = text.slice(0, 3);
  if (!/^[45]\d\d$/.test(code)) throw complain('no code');
  let enhanced: string | undefined;
  return lines.map((line, at) => {
    const last = at === lines.length - 1;
    if (/[\r\n]/.test(line)) throw complain('a bare line break');
    if (!line.startsWith(code + (last ? ' ' : '-'))) throw complain(`a wrong beginning of line ${at + 1}`);
    if (line.replaceAll('%%', '').includes('%')) throw complain('a single percent sign');
    const rest = line.slice(4);
    const match = /^([245])\.\d{1,3}\.\d{1,3} ?/.exec(rest);
    if (match !== null && match[1] !== code[0]) throw complain('an enhanced code of another class');
    if (at === 0) enhanced = match?.[0];
    else if (match?.[0].trim() !== enhanced?.trim()) throw complain('another enhanced code on each line');
    const words = rest.slice(match?.[0].length ?? 0).replaceAll('%%', '%');
    if (words.length > 980) throw complain('a line of more than 980 bytes');
    return Buffer.from(words, 'latin1').toString('utf8');
  });
}
