import { isUtf8 } from 'node:buffer';

import type { SmtpReply } from '../../session/smtp-reply.js';
import { REFUSALS } from '../client/sanitise-reply.js';
import { type HeaderChange, HeaderList, type RawField, entriesOf } from './header-list.js';
import { type MailServer, commonMacros, hasName } from './mail-server.js';

/**
 * A header, changed as Stalwart does it.
 *
 * Where fields are only added they come above all others, in their order. Where one is inserted, changed or deleted, every
 * change is made to the whole header one after the other: an added field goes above all others, an inserted one before the
 * n-th of its name, or the last where there are fewer.
 */
export class StalwartHeaderList extends HeaderList {
  /** The names that the client has sent. */
  readonly #sent: ReadonlySet<string>;
  /** How many fields of the MTA itself are above those that changes count. */
  readonly #own: number;
  #rewrites = false;
  #added = 0;

  /**
   * @param fields those of the client
   * @param own the MTA's own, which go on top of them and are not shown
   */
  constructor(fields: readonly RawField[], own: readonly RawField[]) {
    super([...entriesOf('received', own), ...entriesOf('given', fields)], false);
    this.#own = own.length;
    this.#sent = new Set(fields.map(({ name }) => name.toLowerCase()));
  }

  override apply(changes: readonly HeaderChange[]): void {
    this.#rewrites = changes.some(
      (one) => one.type === 'insertHeader' || (one.type === 'changeHeader' && this.#isChange(one)),
    );
    super.apply(changes);
  }

  add(name: string, value: Uint8Array): void {
    const at = this.#own + (this.#rewrites ? 0 : this.#added++);
    this.entries.splice(at, 0, this.made(name, value));
  }

  override insert(position: number, name: string, value: Uint8Array): void {
    const places = this.#placesOf(name);
    const place = position === 0 ? undefined : (places[position - 1] ?? places.at(-1));
    this.entries.splice(place ?? this.#own, 0, this.made(name, value));
  }

  /** Beyond the last of a name it changes nothing. */
  change(n: number, name: string, value: Uint8Array): void {
    if (!this.#isChange({ name, value: String(value) })) {
      this.add(name, value);
      return;
    }
    const place = this.#placesOf(name)[n - 1];
    const entry = place === undefined ? undefined : this.entries[place];
    if (place === undefined || entry === undefined) return;
    if (value.length === 0) this.entries.splice(place, 1);
    else entry.raw = this.afterColon(value);
  }

  /** Values have no blanks around them, and CRLF in their folds; one that is not UTF-8 is empty. */
  override shown(): RawField[] {
    return super.shown().map(({ name, raw }) => {
      const text = isUtf8(raw) ? raw.toString().trim() : '';
      return { name, raw: Buffer.from(text.replaceAll('\n', '\r\n')) };
    });
  }

  protected override afterColon(value: Uint8Array): Buffer {
    const made = super.afterColon(value);
    return this.#rewrites && /^[ \t\r\n]/.test(String(value)) ? made.subarray(1) : made;
  }

  #isChange({ name, value }: { readonly name: string; readonly value: string }): boolean {
    return value === '' || this.#sent.has(name.toLowerCase());
  }

  #placesOf(name: string): number[] {
    return this.entries.flatMap((entry, at) =>
      entry.kind === 'given' && entry.name.toLowerCase() === name.toLowerCase() ? [at] : [],
    );
  }
}

const LATER: SmtpReply = {
  code: 451,
  enhanced: '4.3.5',
  lines: ['Unable to accept message at this time.'],
};
const WORDS = new Map<SmtpReply, SmtpReply>([
  [REFUSALS.reject, { code: 503, enhanced: '5.5.3', lines: ['Message rejected.'] }],
  [REFUSALS.tempfail, LATER],
  [REFUSALS.unavailable, LATER],
  [REFUSALS.shutdown, { code: 421, enhanced: '4.3.0', lines: ['Server shutting down.'] }],
]);

/** Stalwart 0.16 on port 25, where nothing else is configured; without what it says of DKIM, SPF and DMARC. */
export const STALWART: MailServer = {
  session: (hostname, client) => ({
    ...commonMacros(hostname, client),
    '{daemon_name}': 'Stalwart v0.16.2',
    '{client_addr}': client.address,
    '{client_ptr}': hasName(client) ? client.host : 'unknown',
    '{cipher}': '',
    '{tls_version}': '',
  }),
  address: (what, address) => ({ [`{${what}_addr}`]: address }),
  content: () => ({}),
  // The name of the client by its address, or what it calls itself.
  client: (client, helo) => (hasName(client) ? client : { ...client, host: helo }),
  recipients: {
    key: ({ address }) => address.toLowerCase(),
    named: ({ address }) => address.toLowerCase(),
    takes: ({ address }) => address.includes('@'),
  },
  header(fields, { received, id, hostname, sender, date }) {
    const isMissing = (wanted: string): boolean => !fields.some(({ name }) => name.toLowerCase() === wanted);
    const own = [
      ['Received', received],
      ['Return-Path', `<${sender}>`],
      ...(isMissing('date') ? [['Date', date.toUTCString()]] : []),
      ...(isMissing('message-id') ? [['Message-ID', `<${id}@${hostname}>`]] : []),
    ];
    return new StalwartHeaderList(
      fields,
      own.map(([name = '', value = '']) => ({ name, raw: Buffer.from(` ${value}`) })),
    );
  },
  accepts: {
    connect: '220 Stalwart ESMTP at your service.',
    mail: '250 2.1.0 OK',
    rcpt: '250 2.1.5 OK',
    data: '354 Start mail input; end with <CRLF>.<CRLF>',
    message: '250 2.0.0 Message queued with id %.',
    rset: '250 2.0.0 OK',
  },
  discarded: { code: 250, enhanced: '2.0.0', lines: ['Message queued for delivery.'] },
  quarantineField: 'X-Quarantine',
  keepsLineEnds: true,
  refused: (_stage, reply) => WORDS.get(reply) ?? reply,
  unknown: () => ({ code: 500, enhanced: '5.5.1', lines: ['Invalid command.'] }),
};
