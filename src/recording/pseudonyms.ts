import { isIPv6 } from 'node:net';

const IP_ADDRESS =
  /(?:IPv6:)?(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7}(?:(?:\.\d{1,3}){3})?)/gi;
/** No host name is longer (RFC 1035, 2.3.4). */
const LONGEST_NAME = 253;
const DOCUMENTATION = ['192.0.2', '198.51.100', '203.0.113'] as const;

/** Other names for users, hosts and IP addresses: the same thing always gets the same one. */
export class Pseudonyms {
  readonly #names = new Map<string, string>();
  /** The names that were made here. */
  readonly #made = new Set<string>();
  #users = 0;
  #domains = 0;
  #hosts = 0;

  user(name: string): string {
    return this.#named(`user ${name}`, () => `user${++this.#users}`);
  }

  /** The name of a user that has one here; as it is where it is not. */
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

  /** Something that may be the name of a host that has one here, or below one; as it is where it is not. */
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
