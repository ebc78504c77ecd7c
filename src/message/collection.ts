import type { DecisionAt } from '../session/decisions.js';
import { type EnvelopePath, envelopePath } from '../session/envelope-path.js';
import type { Body, Header, Rcpt, StageEvent } from '../session/flow.js';
import { isLent, turnOf, type Turn } from '../session/turn.js';
import { BodyStore } from '../spool/body-store.js';
import { BodyFileError, SpaceError } from '../spool/errors.js';
import { pathOf } from './envelope-path.js';
import type { HeaderField } from './headers/header-field.js';
import type { ResolvedMessageOptions } from './message-options.js';

const WRITING = 'The last piece of the body is still being written to its file.';

/** A recipient, and its turn, which has the decision about it. */
interface Recipient {
  readonly path: EnvelopePath;
  readonly turn: Turn | undefined;
}

/** One message, collected from its events as they come. */
export class Collection {
  readonly fields: HeaderField[] = [];
  size = 0;
  /** Something is beyond a limit, and the message gets this for it. */
  decision: DecisionAt<'eom'> | undefined;
  readonly truncated = { recipients: false, headers: false, body: false };
  enough = false;
  readonly #options: ResolvedMessageOptions;
  #recipients: Recipient[] = [];
  #sender: EnvelopePath | undefined;
  #headerBytes = 0;
  #piece: Turn | undefined;
  #writing = false;
  #failure: { readonly cause: unknown } | undefined;
  #store: BodyStore | undefined;
  /** Those that are closed with the message. */
  readonly #stores: BodyStore[] = [];
  #over = false;

  constructor(options: ResolvedMessageOptions) {
    this.#options = options;
  }

  /** The sender; the null sender where its MAIL was not seen. */
  get sender(): EnvelopePath {
    return (this.#sender ??= envelopePath({ address: '', args: [] }));
  }

  get recipients(): EnvelopePath[] {
    return this.#recipients.filter(isWanted).map(({ path }) => path);
  }

  get store(): BodyStore {
    if (this.#store === undefined) this.keep((this.#store = new BodyStore(this.#options.store)));
    return this.#store;
  }

  get beyond(): boolean {
    return this.decision !== undefined;
  }

  get complete(): boolean {
    // Another filter may have made the MTA leave out the rest, too.
    return !this.enough && this.#piece?.decision?.kind !== 'skip';
  }

  /** The failure of the file that the body is in, as far as the body should be there by now. */
  get failure(): { readonly cause: unknown } | undefined {
    return this.#failure ?? (this.#writing ? { cause: new Error(WRITING) } : undefined);
  }

  /** Takes an event of the message; a promise where the next one has to wait. */
  take(event: StageEvent): Promise<void> | undefined {
    if (event.stage === 'mail') this.#sender = pathOf(event);
    else if (event.stage === 'rcpt') this.#onRcpt(event);
    else if (event.stage === 'header') this.#onHeader(event);
    else if (event.stage === 'body') {
      this.pass(event);
      const piece = this.admit(event.chunk);
      return piece && this.#write(piece, isLent(event));
    }
    return undefined;
  }

  /** A piece of the body has come that is not kept here: the answer to the last one says whether there is more. */
  pass(event: Body): void {
    this.#piece = turnOf(event);
  }

  /** Counts a piece of the body; returns the part of it that is within the limits. */
  admit(chunk: Uint8Array): Uint8Array | undefined {
    if (this.enough || this.beyond || this.#over) return undefined;
    const { limits, maxBytes } = this.#options;
    const room = Math.min(maxBytes, limits.bodyBytes) - this.size;
    if (chunk.length <= room) {
      this.size += chunk.length;
      return chunk;
    }
    this.enough = true;
    if (limits.bodyBytes < maxBytes && !this.#cut('body')) return undefined;
    this.size += room;
    const piece = chunk.subarray(0, room);
    // A small part is copied, or it would keep all that it was read with as long as the message lasts.
    return room < chunk.length / 2 ? Buffer.from(piece) : piece;
  }

  keep(store: BodyStore): void {
    if (this.#over) store.close();
    else this.#stores.push(store);
  }

  /** The message is over: memory and files are freed. */
  close(): void {
    this.#over = true;
    for (const store of this.#stores) store.close();
  }

  #onRcpt(event: Rcpt): void {
    this.#sender ??= pathOf(event.mail);
    if (event.rejected !== undefined || this.beyond || this.truncated.recipients) return;
    const most = this.#options.limits.recipients;
    if (this.#recipients.length >= most) {
      // Those that were refused in the meantime do not count.
      this.#recipients = this.#recipients.filter(isWanted);
    }
    if (this.#recipients.length >= most) this.#cut('recipients');
    else this.#recipients.push({ path: pathOf(event), turn: turnOf(event) });
  }

  #onHeader({ name, value, raw, session }: Header): void {
    if (this.beyond || this.truncated.headers) return;
    this.#headerBytes += name.length + raw.length;
    const { headers, headerBytes } = this.#options.limits;
    if (this.fields.length >= headers || this.#headerBytes > headerBytes) {
      this.#cut('headers');
      return;
    }
    const visible = session.leadingSpace && value.startsWith(' ') ? value.slice(1) : value;
    this.fields.push({ name, value: visible, raw });
  }

  #write(chunk: Uint8Array, lent: boolean): Promise<void> | undefined {
    if (this.#options.body !== 'buffer') return undefined;
    if (this.#writing) {
      // The time for the last piece was up, and the failure decision was to let it pass.
      this.#fail(new Error(WRITING));
      return undefined;
    }
    const written = this.store.push(chunk, lent);
    if (written === undefined) return undefined;
    this.#writing = true;
    return written.catch((cause: unknown) => this.#fail(cause)).then(() => void (this.#writing = false));
  }

  #fail(cause: unknown): void {
    if (cause instanceof BodyFileError && cause.cause instanceof SpaceError) {
      this.#refuse(this.#options.full);
      return;
    }
    this.#failure = { cause };
    this.enough = true;
  }

  /** A part is beyond its limit: cuts it there; or, where that is not wanted, the message gets the decision for it. */
  #cut(part: keyof Collection['truncated']): boolean {
    const { beyond } = this.#options;
    if (beyond === 'truncate') this.truncated[part] = true;
    else this.#refuse(beyond);
    return this.truncated[part];
  }

  #refuse(decision: DecisionAt<'eom'>): void {
    this.decision = decision;
    this.#store?.close();
  }
}

function isWanted({ turn }: Recipient): boolean {
  const kind = turn?.decision?.kind;
  return kind !== 'reject' && kind !== 'tempfail';
}
