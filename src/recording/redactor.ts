import { isIPv6 } from 'node:net';

import { boolean, type Rules } from '../common/options.js';
import { bareName } from '../session/negotiation/terms.js';
import type { RecordedFrame } from './recording.js';

/** The parts of mail that a recording leaves out; with either the arguments of unknown commands, such as passwords. */
export interface Redaction {
  /**
   * Mail addresses, IP addresses, and the names of client, MTA and users who have logged in.
   *
   * @remarks
   * Each is replaced anywhere but in the body, by another name that is the same throughout its session. Other names in
   * headers and replies stay: they are content.
   */
  readonly addresses?: boolean | undefined;
  /** The values of headers, the body, and their changes by a filter: the letters become `x`, lengths and lines stay. */
  readonly content?: boolean | undefined;
}

export const REDACTION_RULES: Rules<Redaction> = { addresses: boolean, content: boolean };

/** A local part, quoted or not, and a domain. Without the look behind a header of many letters and no `@` takes seconds. */
const MAIL_ADDRESS =
  /(?:"(?:[^"\\]|\\.){0,255}"|(?<![^\s<>@,;:"()[\]])[^\s<>@,;:"()[\]]+)@(?:[^\s<>@,;:"()[\]=]+|\[[^\s[\]]{0,64}\])/g;
const WORD = /[\p{L}\p{N}_-]+(?:\.[\p{L}\p{N}_-]+)*/gu;
/** The arguments of MAIL and RCPT that hold an address, or may: an ENVID may be anything (RFC 3461, 4.4). */
const ADDRESS_ARGUMENT = /^((?:AUTH|ENVID)=|ORCPT=(?:(?:rfc822|utf-8|x\.?400|unknown);)?)(.+)$/is;
/** Those that are numbers and words of the standards. */
const PLAIN_ARGUMENT =
  /^(?:SIZE|BODY|RET|NOTIFY|HOLDFOR|HOLDUNTIL|BY|MT-PRIORITY|RRVS)=[\w.:,;+-]*$|^(?:SMTPUTF8|REQUIRETLS|CONPERM|XVERP)$/i;
/** Labels before an address in a log or in a result of a check; with VERP, addresses have a `=` as well. */
const LABEL =
  /^(?:(?:smtp|header)\.[a-z]+|(?:envelope-|orig_|mail)?from|orig_to|to|for|sender|rcpt|AUTH|ENVID|ORCPT)=/i;
/** The commands that are no secret; another line may be a password in the wrong place. */
const VERB =
  /^(?:AUTH|BDAT|DATA|EHLO|ETRN|EXPN|HELO|HELP|LHLO|MAIL|NOOP|QUIT|RCPT|RSET|SAML|SEND|SOML|STARTTLS|TURN|VRFY|XCLIENT|XFORWARD)(?= |$)/i;
const ASKING = /^((?:VRFY|EXPN) +)(\S+)$/i;
/** Headers that are one address, which may have no domain. */
const ADDRESS_HEADER =
  /^(?:x-original-to|delivered-to|envelope-to|return-path|apparently-to|x-envelope-(?:from|to)|x-(?:rcpt|forwarded)-to)$/i;
/** Macros by their bare names, and what is in them; any other is of the MTA's configuration, and may hold anything. */
const MACROS: readonly (readonly [kind: 'user' | 'address' | 'host' | 'hosts' | 'text', names: RegExp])[] = [
  ['user', /^(?:auth_(?:authen|author)|c(?:ert|n)_(?:subject|issuer|md5))$/],
  ['address', /^(?:f|(?:mail|rcpt)_addr)$/],
  ['host', /^(?:[js]|(?:client|if)_(?:name|ptr)|daemon_name|(?:mail|rcpt)_host)$/],
  ['hosts', /^_$/],
  // Nothing personal but IP addresses, and in a Message-ID a mail address.
  [
    'text',
    /^(?:[bdirtvT]|auth_(?:type|ssf)|cipher(?:_bits)?|tls_version|verify|(?:client|if|daemon)_(?:addr|port|family|flags|resolve|info)|client_(?:connections|rate)|(?:mail|rcpt)_mailer|n(?:bad)?rcpts|opMode|ntries|server_(?:addr|name)|msg_id)$/,
  ],
];
/** Values in place of a host: the status of a refused recipient, and the names of Sendmail's daemons. */
const NO_HOST = /^[245]\.\d{1,3}\.\d{1,3}$|^M[TS]A(?:-v[46])?$/;
/** Words with a dot in them. */
const HOST_NAME = /(?<![^\s[\]<>@])[^\s[\]<>@.]+\.[^\s[\]<>@]*/g;
/** A name alone in angle brackets. */
const BRACKETED = /<([^<>@\s]{1,64})>/g;

const IP_ADDRESS =
  /(?:IPv6:)?(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7}(?:(?:\.\d{1,3}){3})?)/gi;
/** No host name is longer (RFC 1035, 2.3.4). */
const LONGEST_NAME = 253;
const DOCUMENTATION = ['192.0.2', '198.51.100', '203.0.113'] as const;

/** Takes personal data out of the frames of a session; the same value always becomes the same other value. */
export class Redactor {
  readonly #what: Redaction;
  readonly #names = new Pseudonyms();

  constructor(what: Redaction) {
    this.#what = what;
  }

  redact(frame: RecordedFrame): RecordedFrame {
    // The bytes would still have the personal data of the text.
    const { raw: _raw, type, ...fields } = frame.message as { type: string } & Record<string, unknown>;
    const changed = this.#changes(type, fields);
    if (Object.keys(changed).length === 0) return frame;
    return { ...frame, message: { type, ...fields, ...changed } } as RecordedFrame;
  }

  #changes(type: string, fields: Record<string, unknown>): Record<string, unknown> {
    const { addresses = false, content = false } = this.#what;
    const { name, value, text, data, address, host, family, args, macros } = fields;
    const changed: Record<string, unknown> = {};
    if (data instanceof Uint8Array && content) changed.data = blanked(data);
    if (typeof value === 'string') {
      if (content) changed.value = blankedText(value);
      else if (addresses) changed.value = this.#value(String(name), value);
    }
    if (Array.isArray(macros)) {
      const pairs = macros as [string, string | undefined][];
      changed.macros = pairs.map(([each, given]) => [each, given && this.#macro(each, given)]);
    }
    // A password has to go in either case.
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
    return changed;
  }

  #value(name: string, value: string): string {
    const bare = value.trim();
    if (!ADDRESS_HEADER.test(name) || bare === '' || /\s/.test(bare)) return this.#inText(value);
    return value.replace(bare, () => this.#address(bare));
  }

  #text(type: string, text: string): string {
    if (type === 'helo') return this.#names.host(text);
    return type === 'addRecipient' || type === 'deleteRecipient' ? this.#address(text) : this.#inText(text);
  }

  /** A command that the MTA does not know, or handles by itself: its arguments may be a password, as of AUTH. */
  #command(text: string): string {
    const [, asked, user] = (this.#what.addresses === true ? ASKING.exec(text) : null) ?? [];
    if (asked !== undefined && user !== undefined) return asked + this.#address(user);
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
        return arg.slice(0, end) + blankedText(arg.slice(end));
      })
      .join(' ');
  }

  #macro(name: string, value: string): string {
    const { addresses = false, content = false } = this.#what;
    const bare = bareName(name);
    // Sendmail's macro for the Message-ID, which is a header.
    if (content && bare === 'msg_id') return blankedText(value);
    if (!addresses) return value;
    const isWord = !/\s/.test(value);
    const [kind] = MACROS.find(([, names]) => names.test(bare)) ?? [];
    if (kind === 'user') return value.includes('@') ? this.#inText(value) : this.#names.user(value);
    // For a recipient that the MTA has rejected it is the text of that rejection.
    if (kind === 'address' && isWord) return this.#address(value);
    if (kind === 'host' && isWord) return NO_HOST.test(value) ? value : this.#names.host(value);
    if (kind === undefined) return blankedText(value);
    const text = this.#inText(value);
    if (kind !== 'host' && kind !== 'hosts') return text;
    return text.replace(HOST_NAME, (host) => this.#names.host(host));
  }

  /** One address as a whole, with brackets or without; the null sender stays. */
  #address(given: string): string {
    const bracketed = given.startsWith('<') && given.endsWith('>');
    // Mail is delivered without the source route.
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
    Buffer.from(data)
      .toString('latin1')
      .replace(/[^\r\n\t ]/g, 'x'),
    'latin1',
  );
}

/** Other names for users, hosts and IP addresses, the same for the same. */
class Pseudonyms {
  readonly #names = new Map<string, string>();
  /** The names that were made here. */
  readonly #made = new Set<string>();
  #users = 0;
  #domains = 0;
  #hosts = 0;

  user(name: string): string {
    return this.#named(`user ${name}`, () => `user${++this.#users}`);
  }

  /** The other name of a user that has one; any other text as it is. */
  knownUser(name: string): string {
    return this.#names.get(`user ${name}`) ?? name;
  }

  /** A host name, or an address, in brackets or not. */
  host(name: string): string {
    const bare = name.replace(/\.$/, '');
    if (bare === '' || this.#made.has(bare)) return name;
    // An address as a whole, and nothing beside it.
    if (bare.replace(IP_ADDRESS, '').replace(/[[\]]/g, '') === '') return this.addressesIn(bare);
    const dot = name === bare ? '' : '.';
    return this.#named(`domain ${bare.toLowerCase()}`, () => `domain${++this.#domains}.example`) + dot;
  }

  /** The other name of a host that has one, or of a host below it; any other text as it is. */
  known(name: string): string {
    if (this.#made.has(name)) return name;
    const folded = name.toLowerCase();
    for (let at = Math.max(0, name.length - LONGEST_NAME); ; at = folded.indexOf('.', at) + 1) {
      const other = this.#names.get(`domain ${folded.slice(at)}`);
      if (other !== undefined) return name.slice(0, at) + other;
      if (!folded.includes('.', at)) return name;
    }
  }

  /** A text with other IP addresses in it: those for documentation (RFC 5737, RFC 3849). */
  addressesIn(text: string): string {
    return text.replace(IP_ADDRESS, (found) => {
      const [, prefix = '', address = '', rest = ''] = /^(IPv6:)?(.*?[^:]|.*::)(:?)$/i.exec(found) ?? [];
      // The time of the day has colons, too.
      if (address.includes(':') && !isIPv6(address)) return found;
      return prefix + this.#ip(address) + rest;
    });
  }

  #ip(address: string): string {
    return this.#named(`host ${address.toLowerCase()}`, () => {
      const number = ++this.#hosts;
      if (address.includes(':')) return `2001:db8::${number.toString(16)}`;
      return `${DOCUMENTATION[Math.floor(number / 256) % 3] ?? ''}.${number % 256}`;
    });
  }

  #named(key: string, make: () => string): string {
    let name = this.#names.get(key);
    if (name === undefined) {
      name = make();
      this.#names.set(key, name);
      this.#made.add(name);
    }
    return name;
  }
}
