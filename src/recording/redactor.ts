import { boolean, type Rules } from '../common/options.js';
import type { Command } from '../transport/command.js';
import type { WireReply } from '../transport/wire-reply.js';
import { Pseudonyms } from './pseudonyms.js';
import type { RecordedFrame } from './recording.js';

/** What a recording leaves out. */
export interface Redaction {
  /**
   * Mail addresses and IP addresses, wherever they stand but in the body; the names of client and MTA, of domains in
   * addresses, and who has logged in. Each gets another name, the same one throughout its session, so that it can still
   * be told from others. Other names in headers and replies stay: they are content.
   */
  readonly addresses?: boolean | undefined;
  /** The values of headers, the body, and what a filter puts there: the letters become `x`, lengths and lines stay. */
  readonly content?: boolean | undefined;
}

/** What each of them has to be. */
export const REDACTION_RULES: Rules<Redaction> = { addresses: boolean, content: boolean };

/**
 * A local part, quoted or not, and a domain. The look behind lets each word be read once only: without it a header of
 * many letters and no `@` takes seconds.
 */
const MAIL_ADDRESS =
  /(?:"(?:[^"\\]|\\.){0,255}"|(?<![^\s<>@,;:"()[\]=])[^\s<>@,;:"()[\]=]+)@(?:[^\s<>@,;:"()[\]=]+|\[[^\s[\]]{0,64}\])/g;
/** What may be the name of a host. */
const WORD = /[\p{L}\p{N}_-]+(?:\.[\p{L}\p{N}_-]+)*/gu;
/** The arguments of MAIL and RCPT that hold an address. */
const ADDRESS_ARGUMENT = /^(AUTH=|ORCPT=[^;]*;)(.+)$/i;
/** The commands that ask for somebody. */
const ASKING = /^((?:VRFY|EXPN) +)(\S+)$/i;
/** Macros that say who somebody is, who writes to whom, or where that is. */
const LOGIN = /^\{?(?:auth_(?:authen|author)|c(?:ert|n)_(?:subject|issuer))\}?$/;
const ADDRESS = /^\{?(?:mail|rcpt)_addr\}?$/;
const WHERE = /^\{?(?:[j_sr]|(?:client|if|daemon)_(?:name|ptr|resolve)|(?:mail|rcpt)_host)\}?$/;
/** Something with a dot in it, as a whole. */
const HOST_NAME = /(?<![^\s[\]<>@])[^\s[\]<>@.]+\.[^\s[\]<>@]*/g;
/** The frames whose text is an address. */
const RECIPIENTS: readonly string[] = ['addRecipient', 'deleteRecipient'];

/** Takes out of frames what is nobody's business; the same thing always becomes the same other thing. */
export class Redactor {
  readonly #what: Redaction;
  readonly #names = new Pseudonyms();

  constructor(what: Redaction) {
    this.#what = what;
  }

  redact(frame: RecordedFrame): RecordedFrame {
    return frame.from === 'mta'
      ? { ...frame, message: this.#message(frame.message) }
      : { ...frame, message: this.#message(frame.message) };
  }

  #message<M extends Command | WireReply>(message: M): M {
    // The bytes would still say what the text no longer does.
    const { raw: _raw, ...fields } = message as { raw?: Uint8Array } & Record<string, unknown>;
    const changed = this.#fields(message.type, fields);
    return (changed === fields ? message : changed) as M;
  }

  #fields(type: string, fields: Record<string, unknown>): Record<string, unknown> {
    const { addresses = false, content = false } = this.#what;
    const { value, text, data, address, host, args, macros } = fields;
    const changed: Record<string, unknown> = {};
    if (data instanceof Uint8Array && content) changed.data = blanked(data);
    if (typeof value === 'string') {
      const kept = content ? blankedText(value) : value;
      if (content || addresses) changed.value = addresses ? this.#inText(kept) : kept;
    }
    if (addresses) {
      if (typeof host === 'string') {
        changed.host = this.#names.host(host);
        changed.address = this.#inText(String(address));
      } else if (typeof address === 'string') changed.address = this.#address(address);
      if (Array.isArray(args)) changed.args = args.map((arg) => this.#argument(String(arg)));
      if (Array.isArray(macros)) changed.macros = this.#macros(macros as [string, string | undefined][]);
      if (typeof text === 'string') changed.text = this.#text(type, text);
    }
    return Object.keys(changed).length === 0 ? fields : { ...fields, ...changed };
  }

  #text(type: string, text: string): string {
    if (type === 'helo') return this.#names.host(text);
    if (RECIPIENTS.includes(type)) return this.#address(text);
    const [, command, whom] = (type === 'unknown' ? ASKING.exec(text) : null) ?? [];
    return command === undefined || whom === undefined ? this.#inText(text) : command + this.#address(whom);
  }

  /** Each argument of a reply is one of an event, or several of them with blanks between. */
  #argument(args: string): string {
    return args
      .split(' ')
      .map((arg) => {
        const [, what, address] = ADDRESS_ARGUMENT.exec(arg) ?? [];
        return what === undefined || address === undefined
          ? this.#inText(arg)
          : what + this.#address(address);
      })
      .join(' ');
  }

  #macros(macros: readonly (readonly [string, string | undefined])[]): [string, string | undefined][] {
    return macros.map(([name, value]) => [name, value && this.#macro(name, value)]);
  }

  #macro(name: string, value: string): string {
    if (LOGIN.test(name)) return value.includes('@') ? this.#inText(value) : this.#names.user(value);
    // Of a recipient that the MTA has rejected it is what the MTA says to that.
    if (ADDRESS.test(name) && !/\s/.test(value)) return this.#address(value);
    const text = this.#inText(value);
    return WHERE.test(name) ? text.replace(HOST_NAME, (host) => this.#names.host(host)) : text;
  }

  /** One address as a whole, with brackets or without; the null sender stays nobody. */
  #address(given: string): string {
    const bracketed = given.startsWith('<') && given.endsWith('>');
    // A source route says nothing that mail is delivered by.
    const bare = (bracketed ? given.slice(1, -1) : given).replace(/^@[^:]*:/, '');
    const at = bare.lastIndexOf('@');
    const user = at === -1 ? bare : bare.slice(0, at);
    const domain = at === -1 ? '' : `@${this.#names.host(bare.slice(at + 1))}`;
    const named = (user === '' ? '' : this.#names.user(user)) + domain;
    return bracketed ? `<${named}>` : named;
  }

  /** All addresses in a text, and the names of hosts that are known by now. */
  #inText(text: string): string {
    const named = text.replace(MAIL_ADDRESS, (address) => this.#address(address));
    return this.#names.addressesIn(named).replace(WORD, (word) => this.#names.known(word));
  }
}

function blankedText(text: string): string {
  return text.replace(/[^\s]/gu, 'x');
}

function blanked(data: Uint8Array): Buffer {
  return Buffer.from(
    data.map((byte) => (byte === 0x0d || byte === 0x0a || byte === 0x20 || byte === 9 ? byte : 0x78)),
  );
}
