import type { DecisionAt } from '../session/decisions.js';
import type { Body, Header, Mail, Rcpt, StageEvent } from '../session/flow.js';
import { type Turn, turnOf } from '../session/turn.js';
import { BodyStore } from '../spool/body-store.js';
import { BodyFileError, SpaceError } from '../spool/errors.js';
import { type EnvelopePath, envelopePath } from './envelope-path.js';
import type { HeaderField } from './headers/header-field.js';
import type { ResolvedMessageOptions } from './message-options.js';

const BLANK = ' ';
const WRITING = 'The last piece of the body is still being written to its file.';

/** What an MTA tells of one message, as it comes. */
export class Collection {
  readonly fields: HeaderField[] = [];
  /** The bytes of body that have come. */
  size = 0;
  /** Something is beyond a limit, and this is what the message gets for that. */
  verdict: DecisionAt<'eom'> | undefined;
  /** What a limit has cut off. */
  readonly truncated = { recipients: false, headers: false, body: false };
  /** No more of the body is of use. */
  enough = false;
  readonly #options: ResolvedMessageOptions;
  #recipients: { readonly path: EnvelopePath; readonly turn: Turn | undefined }[] = [];
  #sender: EnvelopePath | undefined;
  #headerBytes = 0;
  /** That of the last piece of the body. */
  #piece: Turn | undefined;
  #writing = false;
  #failure: { readonly cause: unknown } | undefined;
  #store: BodyStore | undefined;
  readonly #others: BodyStore[] = [];
  #over = false;

  constructor(options: ResolvedMessageOptions) {
    this.#options = options;
  }

  /** The sender; the null sender where its MAIL was not seen. */
  get sender(): EnvelopePath {
    return (this.#sender ??= envelopePath({ address: '', args: [], params: {}, raw: Buffer.alloc(0) }));
  }

  /** The recipients that neither the MTA nor any filter has refused. */
  get recipients(): EnvelopePath[] {
    return this.#recipients.filter(({ turn }) => !isRefused(turn)).map(({ path }) => path);
  }

  /** The body so far. */
  get store(): BodyStore {
    return (this.#store ??= new BodyStore(this.#options.store));
  }

  /** Whether something is beyond a limit, so that no more of the message is of use. */
  get beyond(): boolean {
    return this.verdict !== undefined;
  }

  /** Whether the body is here as a whole. */
  get complete(): boolean {
    // Another filter may have told the MTA to leave out the rest, too.
    return !this.enough && this.#piece?.decision?.kind !== 'skip';
  }

  /** What went wrong with the file that the body is in, as far as the body should be there by now. */
  get failure(): { readonly cause: unknown } | undefined {
    return this.#failure ?? (this.#writing ? { cause: new Error(WRITING) } : undefined);
  }

  /** Takes an event of the message; a promise where the next one has to wait. */
  take(event: StageEvent): Promise<void> | undefined {
    switch (event.stage) {
      case 'mail':
        this.#sender = envelopePath(event);
        return undefined;
      case 'rcpt':
        this.#onRcpt(event);
        return undefined;
      case 'header':
        this.#onHeader(event);
        return undefined;
      case 'body':
        this.pass(event);
        return this.#onBody(event.chunk);
      default:
        return undefined;
    }
  }

  /** A piece of the body has come that is not kept here: the answer to the last one says whether there is more. */
  pass(event: Body): void {
    this.#piece = turnOf(event);
  }

  /** Counts a piece of the body; what of it is within the limits. */
  admit(chunk: Uint8Array): Uint8Array | undefined {
    if (this.enough || this.beyond || this.#over) return undefined;
    const { limits, maxBytes, beyond } = this.#options;
    const room = Math.min(maxBytes, limits.bodyBytes) - this.size;
    if (chunk.length <= room) {
      this.size += chunk.length;
      return chunk;
    }
    this.enough = true;
    if (limits.bodyBytes < maxBytes) {
      if (beyond !== 'truncate') {
        this.#exceed(beyond);
        return undefined;
      }
      this.truncated.body = true;
    }
    this.size += room;
    const piece = chunk.subarray(0, room);
    // A small part is copied, or it would keep all that it was read with as long as the message lasts.
    return room < chunk.length / 2 ? Buffer.from(piece) : piece;
  }

  /** Has another store let go of when the message is over. */
  keep(store: BodyStore): void {
    if (this.#over) store.close();
    else this.#others.push(store);
  }

  /** The message is over: what was kept is let go of. */
  close(): void {
    this.#over = true;
    this.#store?.close();
    for (const store of this.#others) store.close();
  }

  #onRcpt(event: Rcpt): void {
    this.#sender ??= envelopePath(event.mail satisfies Mail);
    if (event.rejected !== undefined || this.beyond || this.truncated.recipients) return;
    const { limits, beyond } = this.#options;
    if (this.#recipients.length >= limits.recipients) {
      // Those that were refused since are none.
      this.#recipients = this.#recipients.filter(({ turn }) => !isRefused(turn));
      if (this.#recipients.length >= limits.recipients) {
        if (beyond === 'truncate') this.truncated.recipients = true;
        else this.#exceed(beyond);
        return;
      }
    }
    this.#recipients.push({ path: envelopePath(event), turn: turnOf(event) });
  }

  #onHeader({ name, value, raw, session }: Header): void {
    if (this.beyond || this.truncated.headers) return;
    this.#headerBytes += name.length + raw.length;
    const { limits, beyond } = this.#options;
    if (this.fields.length >= limits.headers || this.#headerBytes > limits.headerBytes) {
      if (beyond === 'truncate') this.truncated.headers = true;
      else this.#exceed(beyond);
      return;
    }
    const visible = session.leadingSpace && value.startsWith(BLANK) ? value.slice(1) : value;
    this.fields.push({ name, value: visible, raw });
  }

  #onBody(chunk: Uint8Array): Promise<void> | undefined {
    const piece = this.admit(chunk);
    return piece && this.#keep(piece);
  }

  #keep(chunk: Uint8Array): Promise<void> | undefined {
    if (this.#options.body !== 'buffer') return undefined;
    if (this.#writing) {
      // Its time was up, and failures let pass what they are about.
      this.#fail(new Error(WRITING));
      return undefined;
    }
    const later = this.store.push(chunk);
    if (later === undefined) return undefined;
    this.#writing = true;
    return later
      .catch((cause: unknown) => this.#fail(cause))
      .then(() => {
        this.#writing = false;
      });
  }

  #fail(cause: unknown): void {
    if (cause instanceof BodyFileError && cause.cause instanceof SpaceError) {
      this.#exceed(this.#options.full);
      return;
    }
    this.#failure = { cause };
    this.enough = true;
  }

  #exceed(verdict: DecisionAt<'eom'>): void {
    this.verdict = verdict;
    this.#store?.close();
  }
}

function isRefused(turn: Turn | undefined): boolean {
  const kind = turn?.decision?.kind;
  return kind === 'reject' || kind === 'tempfail';
}
