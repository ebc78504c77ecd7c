import type { Command } from '../transport/command.js';
import type { WireReply } from '../transport/wire-reply.js';
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

const MAIL_ADDRESS = /[^\s<>@,;:"()[\]=]+@[^\s<>@,;:"()[\]=]+/g;
const IP_ADDRESS = /(?:IPv6:)?(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7})/gi;
/** Something with a dot in it, as a whole. */
const HOST_NAME = /[^\s[\]<>@]+\.[^\s[\]<>@]*/g;
/** Macros that say who somebody is, or where. */
const LOGIN = /^\{?auth_(?:authen|author)\}?$/;
const WHERE =
  /^\{?(?:[j_sr]|(?:client|if|daemon)_(?:name|ptr|resolve)|(?:mail|rcpt)_host|c(?:ert|n)_(?:subject|issuer))\}?$/;
/** A name that was made here. */
const MADE = /^(?:domain\d+\.example|192\.0\.2\.|198\.51\.100\.|203\.0\.113\.|2001:db8:)/;

/** Takes out of frames what is nobody's business; the same thing always becomes the same other thing. */
export class Redactor {
  readonly #what: Redaction;
  readonly #names = new Map<string, string>();
  #users = 0;
  #domains = 0;
  #hosts = 0;

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
        changed.host = this.#host(host);
        changed.address = this.#inText(String(address));
      } else if (typeof address === 'string') changed.address = this.#inText(address);
      if (Array.isArray(args)) changed.args = args.map((arg) => this.#inText(String(arg)));
      if (Array.isArray(macros)) changed.macros = this.#macros(macros as [string, string | undefined][]);
      if (typeof text === 'string') changed.text = type === 'helo' ? this.#host(text) : this.#inText(text);
    }
    return Object.keys(changed).length === 0 ? fields : { ...fields, ...changed };
  }

  #macros(macros: readonly (readonly [string, string | undefined])[]): [string, string | undefined][] {
    return macros.map(([name, value]) => {
      if (value === undefined) return [name, value];
      if (LOGIN.test(name) && !value.includes('@')) return [name, this.#user(value)];
      const text = this.#inText(value);
      return [name, WHERE.test(name) ? text.replace(HOST_NAME, (host) => this.#host(host)) : text];
    });
  }

  /** All addresses in a text. */
  #inText(text: string): string {
    const known = Array.from(this.#names).flatMap(([key, name]) =>
      key.startsWith('domain ') && text.includes(key.slice(7)) ? [[key.slice(7), name] as const] : [],
    );
    return known
      .sort(([left], [right]) => right.length - left.length)
      .reduce((all, [host, name]) => all.replaceAll(host, name), this.#addresses(text));
  }

  #addresses(text: string): string {
    return text
      .replace(MAIL_ADDRESS, (address) => {
        const at = address.lastIndexOf('@');
        return `${this.#user(address.slice(0, at))}@${this.#host(address.slice(at + 1))}`;
      })
      .replace(IP_ADDRESS, (address) => this.#ip(address));
  }

  #user(name: string): string {
    return this.#named(`user ${name}`, () => `user${++this.#users}`);
  }

  /** A host name, or an address, in brackets or not. */
  #host(name: string): string {
    const bare = name.replace(/\.$/, '');
    if (bare === '' || MADE.test(bare)) return name;
    const numeric = bare.replace(IP_ADDRESS, (address) => this.#ip(address));
    if (numeric !== bare || bare.startsWith('[')) return numeric;
    const dot = name === bare ? '' : '.';
    return this.#named(`domain ${bare.toLowerCase()}`, () => `domain${++this.#domains}.example`) + dot;
  }

  /** Addresses for documentation (RFC 5737, RFC 3849). */
  #ip(address: string): string {
    const six = address.includes(':');
    return this.#named(`host ${address.toLowerCase()}`, () => {
      const number = ++this.#hosts;
      if (!six || /\d+\.\d+\.\d+\.\d+$/.test(address)) {
        return `${['192.0.2', '198.51.100', '203.0.113'][Math.floor(number / 256) % 3] ?? ''}.${number % 256}`;
      }
      return `${/^IPv6:/i.exec(address)?.[0] ?? ''}2001:db8::${number.toString(16)}`;
    });
  }

  #named(key: string, make: () => string): string {
    let name = this.#names.get(key);
    if (name === undefined) {
      name = make();
      this.#names.set(key, name);
    }
    return name;
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
