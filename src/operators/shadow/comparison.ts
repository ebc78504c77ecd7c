import { type Decision, allow, tempfail } from '../../session/decisions.js';
import type { Abort, Close, Reply, StageEvent } from '../../session/flow.js';
import type { MtaName } from '../../session/profiles/profile.js';
import { SessionFacts } from '../../session/session-facts.js';
import type { Client, Macros, SessionInfo } from '../../session/session-info.js';
import { bitOf } from '../../session/stage.js';
import { MessageScope, TURN, Turn, type TurnOwner, type Turned, turnOf } from '../../session/turn.js';
import type { ProtocolFlag, Right } from '../../transport/wire/flags.js';
import { DerivedTurn, eventOf } from '../core/derived-turn.js';
import { type Difference, withStandIns } from './compare.js';

/** What changes of a session while it goes on, at one snapshot. */
export interface SessionSnapshot {
  readonly client: Client;
  readonly helo: string | undefined;
  readonly macros: Macros;
}

/**
 * A session as a filter in the shadow sees it. The mail does not wait for that filter, so what the session knows by now
 * may belong to a later event, or to the next message; here it is as it was at the event that the filter is about.
 */
export class ShadowSession extends SessionFacts implements SessionInfo {
  /** The snapshot that is shown; without one it is the present. */
  snapshot: SessionSnapshot | undefined;
  readonly #real: SessionInfo;

  constructor(real: SessionInfo, snapshot?: SessionSnapshot) {
    super();
    this.#real = real;
    this.snapshot = snapshot;
  }

  /** From now on it shows what it shows now. */
  keep(): void {
    this.snapshot ??= snapshotOf(this.#real);
  }

  /** The session as it is shown now, which stays so. */
  still(): ShadowSession {
    return new ShadowSession(this.#real, this.snapshot ?? snapshotOf(this.#real));
  }

  get id(): string {
    return this.#real.id;
  }

  get client(): Client {
    return (this.snapshot ?? this.#real).client;
  }

  get helo(): string | undefined {
    return (this.snapshot ?? this.#real).helo;
  }

  get version(): number {
    return this.#real.version;
  }

  get rights(): readonly Right[] {
    return this.#real.rights;
  }

  get protocol(): readonly ProtocolFlag[] {
    return this.#real.protocol;
  }

  get leadingSpace(): boolean {
    return this.#real.leadingSpace;
  }

  get macros(): Macros {
    return (this.snapshot ?? this.#real).macros;
  }

  get mta(): MtaName {
    return this.#real.mta;
  }
}

/** The session as it is now. */
export function snapshotOf({ client, helo, macros }: SessionInfo): SessionSnapshot {
  const all = macros.all();
  return {
    client,
    helo,
    macros: {
      get: (name) => all[name.startsWith('{') && name.endsWith('}') ? name.slice(1, -1) : name],
      all: () => all,
    },
  };
}

/** What an event costs that is kept, beside its own bytes. */
const OVERHEAD = 1024;

/** The filter that comparisons are about. */
export interface ComparisonOwner {
  /** How many filters in it read the body. */
  readonly readers: number;
  /** The stages that it decides. */
  readonly decides: number;
  /** Something went wrong in the filter that cost no answer. */
  failed(comparison: Comparison | Passing, error: Error): void;
}

/** A message as a filter in the shadow has it: it may end before that of the mail, or after it. */
export class ShadowMessage {
  readonly scope = new MessageScope();
  /** The filter has seen something of it. */
  begun = false;
  /** The filter sees no more of it. */
  over = false;
  /** The filter sees no more of its body. */
  enough = false;
  /** For the mail it is over. */
  past = false;
  /** Its comparisons that are not settled. */
  pending = 0;

  /** Ends what lives with it, once nothing is left of it. */
  endIfDone(): void {
    if ((this.past || this.over) && this.pending === 0) this.scope.end();
  }
}

/** One event and what both sides make of it. */
export class Comparison {
  readonly event: StageEvent;
  /** What the filter gets. */
  readonly copy: StageEvent | Reply;
  readonly turn: Turn;
  readonly message: ShadowMessage | undefined;
  readonly view: ShadowSession;
  /** The session at the event, where it has to be kept. */
  readonly snapshot: SessionSnapshot | undefined;
  /** What is kept of it, in bytes. */
  readonly size: number;
  would: Difference['would'] | undefined;
  did: Difference['did'] | undefined;
  /** Both sides have answered, or the answers are not wanted any more. */
  settled = false;

  /** `later`: the filter is not ready for it. */
  constructor(
    owner: ComparisonOwner,
    flow: StageEvent | Reply,
    view: ShadowSession,
    message: ShadowMessage | undefined,
    later: boolean,
  ) {
    const event = eventOf(flow);
    this.event = event;
    this.message = message;
    this.view = view;
    this.snapshot = later ? snapshotOf(event.session) : undefined;
    this.size = later ? sizeOf(event) : 0;
    this.turn = new ShadowTurn(event, this, owner);
    const seen = seenBy(this, event, later);
    this.copy =
      flow.stage === 'reply' ? { ...flow, to: seen, modifications: withStandIns(flow.modifications) } : seen;
  }

  /** There will be no answer, or it is not wanted. */
  cancel(): void {
    if (this.settled) return;
    this.settle();
  }

  settle(): void {
    const { turn, message, would, did } = this;
    this.settled = true;
    if (would !== undefined) turn.decision = counted(would.decision, did?.decision);
    turn.modifications = would?.modifications;
    turn.end();
    if (message === undefined) return;
    message.pending--;
    message.endIfDone();
  }
}

/** An event that has no answer. */
export class Passing {
  readonly event: Abort | Close;
  readonly view: ShadowSession;
  readonly snapshot: SessionSnapshot | undefined;
  /** As the filter gets it. */
  readonly copy: Abort | Close;

  constructor(owner: ComparisonOwner, event: Abort | Close, view: ShadowSession, later: boolean) {
    this.event = event;
    this.view = view;
    this.snapshot = later ? snapshotOf(event.session) : undefined;
    const turn = new Turn(ownerOf(owner, this, event), event.stage, 'silent', undefined, 0);
    const copy: (Abort | Close) & Turned = { ...event, session: view, [TURN]: turn };
    this.copy = copy;
  }
}

/** How much it is to keep the event. */
export function sizeOf(event: StageEvent): number {
  if (event.stage === 'body') return OVERHEAD + event.chunk.length;
  return event.stage === 'header' ? OVERHEAD + 3 * (event.raw.length + event.name.length) : OVERHEAD;
}

/** The comparison that a turn belongs to. */
export function comparisonOf(turn: Turn | undefined): Comparison | undefined {
  return turn instanceof ShadowTurn ? turn.comparison : undefined;
}

/** The turn of an event in the shadow: nothing that is done with it is done with that of the event itself. */
class ShadowTurn extends DerivedTurn {
  readonly comparison: Comparison;
  readonly #soleReader: boolean;

  constructor(event: StageEvent, comparison: Comparison, owner: ComparisonOwner) {
    const mode = (bitOf(event.stage) & owner.decides) === 0 ? 'silent' : 'reply';
    super(event, { owner: ownerOf(owner, comparison, event), message: comparison.message?.scope, mode });
    this.comparison = comparison;
    this.#soleReader = owner.readers === 1;
  }

  override releaseBody(): void {
    if (this.#soleReader && this.comparison.message !== undefined) this.comparison.message.enough = true;
  }

  /** The MTA is not made to wait. */
  override pause(): () => void {
    return () => undefined;
  }
}

/**
 * What later events go by: what the MTA was told where it has refused or left out something, which is not there then,
 * whatever the filter thinks of it.
 */
function counted(would: Decision | undefined, did: Decision | undefined): Decision {
  const missing = did?.kind === 'reject' || did?.kind === 'tempfail' || did?.kind === 'skip';
  return missing ? did : (would ?? allow());
}

/** What goes wrong in the shadow is no error of the pipeline. */
function ownerOf(owner: ComparisonOwner, about: Comparison | Passing, event: object): TurnOwner {
  return {
    failure: turnOf(event)?.owner.failure ?? tempfail(),
    report: (_stage, error) => {
      owner.failed(about, error);
    },
  };
}

function seenBy({ view: session, turn }: Comparison, event: StageEvent, later: boolean): StageEvent {
  const own = { session, [TURN]: turn };
  switch (event.stage) {
    case 'rcpt':
      return { ...event, mail: { ...event.mail, session }, ...own };
    case 'body':
      // The bytes may be a few of a large buffer, which is not to be kept for their sake.
      return { ...event, chunk: later ? Buffer.from(event.chunk) : event.chunk, ...own };
    case 'eom':
      return { ...event, modifications: withStandIns(event.modifications), ...own };
    default:
      return { ...event, ...own };
  }
}
