import { boolean, type Rules } from '../common/options.js';
import type { Command } from '../transport/wire/commands.js';
import type { WireReply } from '../transport/wire/replies.js';
import { Pseudonyms } from './pseudonyms.js';
import type { RecordedFrame } from './recording.js';

/** What a recording leaves out; with either of them also the arguments of commands that the MTA does not know. */
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
  /(?:"(?:[^"\\]|\\.){0,255}"|(?<![^\s<>@,;:"()[\]])[^\s<>@,;:"()[\]]+)@(?:[^\s<>@,;:"()[\]=]+|\[[^\s[\]]{0,64}\])/g;
/** What may be the name of a host. */
const WORD = /[\p{L}\p{N}_-]+(?:\.[\p{L}\p{N}_-]+)*/gu;
/** The arguments of MAIL and RCPT that hold an address, or may: an ENVID is whatever the sender's system takes for one. */
const ADDRESS_ARGUMENT = /^((?:AUTH|ENVID)=|ORCPT=(?:(?:rfc822|utf-8|x\.?400|unknown);)?)(.+)$/is;
/** Those that are numbers and words of the standards. */
const PLAIN_ARGUMENT =
  /^(?:SIZE|BODY|RET|NOTIFY|HOLDFOR|HOLDUNTIL|BY|MT-PRIORITY|RRVS)=[\w.:,;+-]*$|^(?:SMTPUTF8|REQUIRETLS|CONPERM|XVERP)$/i;
/** What stands before an address in a log or a result of a check, and is none of it; VERP has addresses with `=`, too. */
const LABEL =
  /^(?:(?:smtp|header)\.[a-z]+|(?:envelope-|orig_|mail)?from|orig_to|to|for|sender|rcpt|AUTH|ENVID|ORCPT)=/i;
/** The commands that are no secret; what else a client says may be a password in the wrong place. */
const VERB =
  /^(?:AUTH|BDAT|DATA|EHLO|ETRN|EXPN|HELO|HELP|LHLO|MAIL|NOOP|QUIT|RCPT|RSET|SAML|SEND|SOML|STARTTLS|TURN|VRFY|XCLIENT|XFORWARD)(?= |$)/i;
/** The commands that ask for somebody. */
const ASKING = /^((?:VRFY|EXPN) +)(\S+)$/i;
/** Headers that are one address, which may have no domain. */
const ADDRESS_HEADER =
  /^(?:x-original-to|delivered-to|envelope-to|return-path|apparently-to|x-envelope-(?:from|to)|x-(?:rcpt|forwarded)-to)$/i;
/** Macros that say who somebody is, who writes to whom, or where that is. */
const LOGIN = /^\{?(?:auth_(?:authen|author)|c(?:ert|n)_(?:subject|issuer|md5))\}?$/;
const ADDRESS = /^\{?(?:f|(?:mail|rcpt)_addr)\}?$/;
const HOST = /^\{?(?:[js]|(?:client|if)_(?:name|ptr)|daemon_name|(?:mail|rcpt)_host)\}?$/;
/** Those that say nothing of anybody but IP addresses, which are found in them. */
const HARMLESS =
  /^\{?(?:[bdirtvT]|auth_(?:type|ssf)|cipher(?:_bits)?|tls_version|verify|(?:client|if|daemon)_(?:addr|port|family|flags|resolve|info)|client_(?:connections|rate)|(?:mail|rcpt)_mailer|n(?:bad)?rcpts|opMode|ntries|server_(?:addr|name))\}?$/;
/** What may stand in place of a host: how a recipient was refused, and the names of Sendmail's daemons. */
const NO_HOST = /^[245]\.\d{1,3}\.\d{1,3}$|^M[TS]A(?:-v[46])?$/;
/** Something with a dot in it, as a whole. */
const HOST_NAME = /(?<![^\s[\]<>@])[^\s[\]<>@.]+\.[^\s[\]<>@]*/g;
/** A name alone in angle brackets. */
const BRACKETED = /<([^<>@\s]{1,64})>/g;
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
    const { name, value, text, data, address, host, family, args, macros } = fields;
    const changed: Record<string, unknown> = {};
    if (data instanceof Uint8Array && content) changed.data = blanked(data);
    if (typeof value === 'string') {
      if (content) changed.value = blankedText(value);
      else if (addresses) changed.value = this.#value(String(name), value);
    }
    if (Array.isArray(macros)) changed.macros = this.#macros(macros as [string, string | undefined][]);
    // Passwords are no matter of taste.
    if (type === 'unknown' && (addresses || content)) changed.text = this.#command(String(text));
    if (addresses) {
      if (typeof host === 'string') {
        changed.host = this.#names.host(host);
        changed.address =
          family === 'unix' ? this.#names.host(String(address)) : this.#inText(String(address));
      } else if (typeof address === 'string') changed.address = this.#address(address);
      if (Array.isArray(args)) changed.args = args.map((arg) => this.#argument(String(arg)));
      if (typeof text === 'string' && type !== 'unknown') changed.text = this.#text(type, text);
    }
    return Object.keys(changed).length === 0 ? fields : { ...fields, ...changed };
  }

  #value(name: string, value: string): string {
    const bare = value.trim();
    if (!ADDRESS_HEADER.test(name) || bare === '' || /\s/.test(bare)) return this.#inText(value);
    return value.replace(bare, () => this.#address(bare));
  }

  #text(type: string, text: string): string {
    if (type === 'helo') return this.#names.host(text);
    return RECIPIENTS.includes(type) ? this.#address(text) : this.#inText(text);
  }

  /** What an SMTP server does not know, or handles by itself: its arguments may be a password, as of AUTH. */
  #command(text: string): string {
    const [, asked, whom] = (this.#what.addresses === true ? ASKING.exec(text) : null) ?? [];
    if (asked !== undefined && whom !== undefined) return asked + this.#address(whom);
    const [verb = ''] = VERB.exec(text) ?? [];
    return verb + blankedText(text.slice(verb.length));
  }

  /** Each argument of a reply is one of an event, or several of them with blanks between. */
  #argument(args: string): string {
    return args
      .split(' ')
      .map((arg) => {
        const [, what, address] = ADDRESS_ARGUMENT.exec(arg) ?? [];
        if (what !== undefined && address !== undefined) return what + this.#address(address);
        if (PLAIN_ARGUMENT.test(arg)) return arg;
        // Of one that is not known its name alone.
        const end = arg.indexOf('=') + 1;
        return end === 0 ? blankedText(arg) : arg.slice(0, end) + blankedText(arg.slice(end));
      })
      .join(' ');
  }

  #macros(macros: readonly (readonly [string, string | undefined])[]): [string, string | undefined][] {
    return macros.map(([name, value]) => [name, value && this.#macro(name, value)]);
  }

  #macro(name: string, value: string): string {
    const { addresses = false, content = false } = this.#what;
    // Sendmail tells the Message-ID, which is a header.
    if (content && /^\{?msg_id\}?$/.test(name)) return blankedText(value);
    if (!addresses) return value;
    if (LOGIN.test(name)) return value.includes('@') ? this.#inText(value) : this.#names.user(value);
    // Of a recipient that the MTA has rejected it is what the MTA says to that.
    if (ADDRESS.test(name) && !/\s/.test(value)) return this.#address(value);
    if (HOST.test(name) && !/\s/.test(value)) return NO_HOST.test(value) ? value : this.#names.host(value);
    const text = this.#inText(value);
    if (/^\{?_\}?$/.test(name) || HOST.test(name)) {
      return text.replace(HOST_NAME, (host) => this.#names.host(host));
    }
    if (HARMLESS.test(name) || ADDRESS.test(name) || /^\{?msg_id\}?$/.test(name)) return text;
    // One of the configuration's own may hold anything.
    return blankedText(value);
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

  /** All addresses in a text, and the names of users and hosts that are known by now. */
  #inText(text: string): string {
    const named = text
      .replace(MAIL_ADDRESS, (found) => {
        const [label = ''] = LABEL.exec(found) ?? [];
        return label + this.#address(found.slice(label.length));
      })
      .replace(BRACKETED, (_, user: string) => `<${this.#names.knownUser(user)}>`);
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
