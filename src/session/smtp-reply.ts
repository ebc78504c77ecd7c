import { didYouMean, shown } from '../common/options.js';
import { excerpt, quote } from '../common/printable.js';
import { headerText } from './check-text.js';
import { AnswerError } from './errors.js';
import { flawOf, flawed } from './flaws.js';

/** The SMTP answer that the client is to see. */
export interface SmtpReply {
  /** 400 to 599, of the class of the decision. 421 makes the MTA close the SMTP connection. */
  readonly code: number;
  /** Enhanced status code (RFC 3463) of the same class; none is sent where it is absent. */
  readonly enhanced?: string;
  /** One line or more, without CR, LF and NUL; percent signs are doubled on the wire by the library. */
  readonly lines: readonly string[];
}

/** How a reply is asked for: just its text, or its parts. */
export type ReplySpec =
  string | { readonly code?: number; readonly enhanced?: string; readonly text?: string | readonly string[] };

/**
 * The text of a REPLYCODE, each line with the codes. Sendmail takes it for a format string, and Postfix undoes that:
 * percent signs are doubled. A server that takes it as it is (`plain`) gets one line.
 */
export function replyText({ code, enhanced, lines }: SmtpReply, plain = false): string {
  const status = enhanced === undefined ? '' : `${enhanced} `;
  if (plain) return `${code} ${status}${lines.join(' ')}`;
  const last = lines.length - 1;
  const [only] = lines;
  if (last === 0 && only !== undefined && !only.includes('%')) return `${code} ${status}${only}`;
  return lines
    .map((line, index) => `${code}${index === last ? ' ' : '-'}${status}${line.replaceAll('%', '%%')}`)
    .join('\r\n');
}

const MAX_LINES = 32;
const MAX_LINE_BYTES = 980;
/** Sendmail cuts off what is more, and the client of a reply without its last line waits for it. */
const MAX_BYTES = 16_383;
const ENHANCED = /^[45]\.\d{1,3}\.\d{1,3}$/;

/** Makes the reply of a decision by the rules of `smfi_setreply` and `smfi_setmlreply`. */
export function smtpReply(
  kind: 'reject' | 'tempfail',
  spec: ReplySpec,
  code: number,
  enhanced: string,
  text: string,
): SmtpReply {
  if (typeof spec === 'string') return checkSmtpReply(kind, { code, enhanced, lines: [spec] });
  if (!isSpec(spec)) {
    throw new AnswerError(`${kind}(): ${shown(spec)} is no reply. Give a text, or { code, enhanced, text }.`);
  }
  checkNames(kind, spec);
  // Each is read once: what is given need not say the same twice.
  const { code: ownCode, enhanced: ownEnhanced, text: ownText } = spec;
  const words = ownText ?? text;
  const lines = typeof words === 'string' ? [words] : copyOf(words);
  const all = lines.length === 0 ? [text] : lines;
  const own = ownEnhanced ?? (ownCode === undefined ? enhanced : undefined);
  return checkSmtpReply(kind, replyOf(ownCode ?? code, own, all));
}

function replyOf(code: number, enhanced: string | undefined, lines: readonly string[]): SmtpReply {
  return enhanced === undefined ? { code, lines } : { code, enhanced, lines };
}

const FIELDS = ['code', 'enhanced', 'text'];

/** Allocates nothing where the names are right: most replies are made for one refusal each. */
function checkNames(kind: string, spec: object): void {
  for (const name in spec) {
    if (FIELDS.includes(name) || !Object.hasOwn(spec, name)) continue;
    const meant = didYouMean(name, FIELDS) ?? (name === 'lines' || name === 'message' ? 'text' : undefined);
    throw new AnswerError(
      `${kind}(): there is no field ${excerpt(name, 60)}. ${meant === undefined ? 'There are code, enhanced and text.' : `Did you mean ${meant}?`}`,
    );
  }
}

/** Whether it has the form; in plain JavaScript it may be anything. */
function isSpec(spec: unknown): boolean {
  return typeof spec === 'object' && spec !== null && !Array.isArray(spec);
}

function copyOf(lines: readonly string[]): readonly string[] {
  return Array.isArray(lines) ? Array.from(lines as readonly string[]) : lines;
}

/**
 * Throws an `AnswerError` for a malformed reply, or gives a copy: what was checked, read once, is what is written.
 */
export function checkSmtpReply(kind: 'reject' | 'tempfail', reply: SmtpReply): SmtpReply {
  const digit = kind === 'reject' ? 5 : 4;
  if (!isSpec(reply)) throw new AnswerError(`${kind}(): the reply is not { code, enhanced, lines }.`);
  const { code, enhanced, lines: given } = reply;
  const lines = copyOf(given);
  if (!Number.isInteger(code) || Math.floor(code / 100) !== digit) {
    throw new AnswerError(
      `${kind}(): the code ${quote(code)} is not ${digit}xx. Use a number from ${digit}00 to ${digit}99.`,
    );
  }
  const isClass = typeof enhanced === 'string' && ENHANCED.test(enhanced) && enhanced.startsWith(`${digit}`);
  if (enhanced !== undefined && !isClass) {
    throw new AnswerError(
      `${kind}(): the enhanced code ${quote(enhanced)} does not go with ${code}. ` +
        `Use one like ${digit}.7.1, or leave it out.`,
    );
  }
  if (!Array.isArray(lines))
    throw new AnswerError(`${kind}(): the text ${quote(lines)} is neither text nor a list of lines.`);
  if (lines.length === 0) throw new AnswerError(`${kind}(): a reply has one line of text at least.`);
  if (lines.length <= 16 && lines.every(fits)) return flawed(replyOf(code, enhanced, lines), flawOf(reply));
  const faults: string[] = [];
  if (lines.length > MAX_LINES)
    faults.push(`${lines.length} lines of text; a reply has at most ${MAX_LINES}.`);
  const mended = lines.slice(0, MAX_LINES).map((line, at) => lineOf(kind, line, at + 1, faults));
  cutTotal(code, enhanced, mended, faults);
  const fault = faults[0];
  return flawed(replyOf(code, enhanced, mended), fault === undefined ? flawOf(reply) : `${kind}(): ${fault}`);
}

/** Whether a line is certainly right: nearly all are, and a refusal of them allocates no more than its reply. */
function fits(line: unknown): boolean {
  return typeof line === 'string' && line.length * 3 <= MAX_LINE_BYTES && !/[\r\n\0]/.test(line);
}

/** Cuts what is beyond the limit in all lines together. */
function cutTotal(code: number, enhanced: string | undefined, lines: string[], faults: string[]): void {
  // Less than this many lines cannot be too long together.
  if (lines.length <= 16) return;
  const codes = `${code} `.length + (enhanced === undefined ? 0 : enhanced.length + 1);
  const size = (): number => lines.reduce((all, line) => all + codes + Buffer.byteLength(line) + 2, -2);
  const bytes = size();
  if (bytes <= MAX_BYTES) return;
  faults.push(
    `${bytes} bytes in all ${lines.length} lines together; ${MAX_BYTES} is the limit, beyond which Sendmail loses the rest.`,
  );
  while (size() > MAX_BYTES) {
    const last = lines.pop() ?? '';
    const left = MAX_BYTES - size() - 2 - codes;
    if (left > 0) lines.push(headerText(last, left));
  }
}

/** A line without what would end it, and no longer than one may be. */
function lineOf(kind: string, line: unknown, number: number, faults: string[]): string {
  if (typeof line !== 'string')
    throw new AnswerError(`${kind}(): line ${number} of the text is not a string.`);
  const bad = /[\r\n\0]/.exec(line);
  if (bad === null && line.length * 3 <= MAX_LINE_BYTES) return line;
  const bytes = Buffer.byteLength(line);
  if (bad === null && bytes <= MAX_LINE_BYTES) return line;
  faults.push(
    bad === null
      ? `line ${number} of the text has ${bytes} bytes; ${MAX_LINE_BYTES} is the limit.`
      : `line ${number} of the text holds ${quote(bad[0])}. Give several lines as an array.`,
  );
  return headerText(line, MAX_LINE_BYTES);
}
