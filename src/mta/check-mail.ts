import type { Mail } from './mail.js';

const CONTROL = /[\0-\x1f\x7f]/;
/** Anything may be in a name but what would end it; blanks may be before the colon. */
const NAME = /^[^\0-\x20:\x7f]+[ \t]*$/;

/**
 * Looks at a mail that comes from outside of the types.
 *
 * @throws TypeError which names the part that cannot be sent, and says what it should be
 */
export function checkMail(mail: Mail): void {
  const { sender, recipients, headers = [], body = '', reset }: Partial<Record<keyof Mail, unknown>> = mail;
  checkPath('sender', sender);
  if (!Array.isArray(recipients)) fail('recipients', recipients, 'a list of addresses');
  recipients.forEach((recipient, at) => checkPath(`recipients[${at}]`, recipient));
  if (!Array.isArray(headers))
    fail('headers', headers, "a list of [name, value], such as [['Subject', 'Hi']]");
  headers.forEach((header, at) => checkHeader(`headers[${at}]`, header));
  if (!isContent(body)) fail('body', body, 'text or bytes');
  if (![undefined, 'mail', 'rcpt'].includes(reset as string)) fail('reset', reset, "'mail' or 'rcpt'");
}

function checkPath(where: string, path: unknown): void {
  const { address, args = [] } =
    typeof path === 'object' && path !== null
      ? (path as { address?: unknown; args?: unknown })
      : { address: path };
  if (typeof address !== 'string' || CONTROL.test(address)) {
    fail(where, address, 'an address without control characters');
  }
  const good = Array.isArray(args) && args.every((arg) => typeof arg === 'string' && !CONTROL.test(arg));
  if (!good) fail(`${where}.args`, args, "a list of arguments, such as ['NOTIFY=NEVER']");
}

function checkHeader(where: string, header: unknown): void {
  if (!Array.isArray(header)) fail(where, header, "[name, value], such as ['Subject', 'Hi']");
  const [name, value, raw = ''] = header as unknown[];
  if (typeof name !== 'string' || !NAME.test(name)) {
    fail(`${where}[0]`, name, 'the name of a header: no colon, no blanks, no control characters');
  }
  for (const content of [value, raw]) {
    if (!isContent(content)) fail(`${where}[1]`, content, 'text or bytes');
    if (Buffer.from(content).includes(0)) fail(`${where}[1]`, content, 'a value without NUL');
  }
}

function isContent(content: unknown): content is string | Uint8Array {
  return typeof content === 'string' || content instanceof Uint8Array;
}

function fail(where: string, found: unknown, wanted: string): never {
  const shown = typeof found === 'string' ? JSON.stringify(found.slice(0, 60)) : String(found);
  throw new TypeError(`mail.${where}: ${shown} cannot be sent. It has to be ${wanted}.`);
}
