import { withDefaults } from '../common/options.js';
import { SMFIF, type Right } from '../transport/smfif.js';
import { FrameBudget } from './connection/frame-budget.js';
import { USUAL, type MaxDataSize } from './data-size.js';
import type { Accept, Proceed, Reject, Tempfail } from './decision.js';
import { tempfail } from './decisions/tempfail.js';
import { stageSet, ALL_STAGES, type Stage } from './stage.js';
import type { MacroLists, NegotiateHook } from './terms.js';
import type { TraceEntry } from './trace.js';

/** How long things may take, in milliseconds. */
export interface Timeouts {
  /** From an event to its answer, but for `eom`. Default 8 000: Sendmail by default waits for 10 s. */
  readonly reply?: number | undefined;
  /** From `eom` to its answer, and from a piece of a body that the MTA does not wait at to its being kept. Default 280 000: both MTAs by default wait for 5 minutes. */
  readonly eom?: number | undefined;
  /** Between the signs of life while `eom` is pending. Default 5 000. */
  readonly progress?: number | undefined;
  /** From the connection to its negotiation. Default 30 000. */
  readonly negotiate?: number | undefined;
  /** From the first byte of a frame to its last, and for the MTA to take what was written. Default 60 000. */
  readonly frame?: number | undefined;
  /** While stopping: from the last byte of a connection without a message in progress to its end. Default 2 000. */
  readonly linger?: number | undefined;
  /** Without any byte from the MTA. Default 7 210 000 (libmilter's): an SMTP client may take hours for its DATA. */
  readonly idle?: number | undefined;
}

/** The decisions that say the same at every stage. */
export type Failure = Proceed | Accept | Reject | Tempfail;

/** What can be set for a connection; all of it has a default. */
export interface SessionOptions {
  /** What an event gets whose filter threw, or did not answer in time. Default `tempfail()`. */
  readonly failure?: Failure | undefined;
  readonly timeouts?: Timeouts | undefined;
  /** Rights that the filter cannot do without: an MTA that does not offer them is refused. */
  readonly requires?: readonly Right[] | undefined;
  /** Stages to ask the MTA for even where no filter wants them. */
  readonly stages?: readonly Stage[] | undefined;
  /** Rights to ask for. Default: all that are offered if a filter decides at `eom`, else none. */
  readonly actions?: readonly Right[] | undefined;
  /** The highest protocol version to agree to. Default 6. */
  readonly version?: 2 | 3 | 4 | 5 | 6 | undefined;
  /** Whether to let the MTA not wait where no filter decides. Default true. */
  readonly noReply?: boolean | undefined;
  /** Macros to ask for; for a stage left out the MTA sends what it is configured to. */
  readonly macros?: MacroLists | undefined;
  /**
   * Whether header values are to keep the blank after the colon, in both directions: event values begin with it, and
   * what a filter writes has to. It is what filters that sign need to see and to restore every byte. Default false: the
   * blank is left out, and written by the MTA. An MTA that does not offer it (below version 6) is made to look as if it
   * did, with one blank in every header.
   */
  readonly leadingSpace?: boolean | undefined;
  /**
   * Whether to be shown recipients, too, that the MTA itself has refused; their `rcpt` events have `rejected`. They stay
   * refused whatever is decided about them. Default false. An MTA that does not offer it (below version 6) shows none.
   */
  readonly rejectedRecipients?: boolean | undefined;
  /**
   * The most data bytes in a frame to agree to (libmilter's `smfi_setmaxdatasize`). Default 65535, the size that all mail
   * servers have. Only builds of Sendmail that offer a larger one are answered with it.
   */
  readonly maxDataSize?: MaxDataSize | undefined;
  /**
   * How many bytes the frames of all connections of the server that have begun and not ended may take together. Beyond it
   * the connection whose frame has been unfinished for longest is closed, with an error. Default 67 108 864 (64 MiB).
   */
  readonly maxFrameMemory?: number | undefined;
  /**
   * How many headers Sendmail's configuration defines (its `H` lines); default 8, which is what the standard
   * configuration makes of them. Sendmail counts them before those of the message, so that `insertHeader(n, …)` needs
   * to know.
   */
  readonly sendmailHeaders?: number | undefined;
  /** Gets every frame of the wire as it is read or written, to find out what goes wrong. Default: nobody does. */
  readonly trace?: ((entry: TraceEntry) => void) | undefined;
  /**
   * Gets what the MTA offers and what was made of it. Returns terms to agree to instead, `undefined` to leave them, or
   * `reject()` to refuse the connection. Terms above the offer are an error, and refuse it too.
   */
  readonly negotiate?: NegotiateHook | undefined;
}

/** The same, complete and checked. */
export interface ResolvedOptions {
  readonly failure: Failure;
  readonly timeouts: Readonly<AllTimeouts>;
  readonly requires: number;
  readonly stages: number;
  readonly actions: number | undefined;
  readonly version: number;
  readonly noReply: boolean;
  readonly macros: MacroLists;
  readonly negotiate: NegotiateHook | undefined;
  readonly leadingSpace: boolean;
  readonly rejectedRecipients: boolean;
  readonly maxDataSize: MaxDataSize;
  /** For all connections that get these options. */
  readonly frames: FrameBudget;
  readonly sendmailHeaders: number;
  readonly trace: ((entry: TraceEntry) => void) | undefined;
  /**
   * Whether to answer DATA whether a filter wants it or not. Postfix sends something for DATA in any case, from the
   * process that talks to the client, and then the message from another one: over TCP, what the second writes waits
   * for the acknowledgement of what the first wrote, which comes after 40 ms where no answer carries it.
   */
  readonly answerData: boolean;
}

type AllTimeouts = Record<keyof Timeouts, number>;

const TIMEOUTS: AllTimeouts = {
  reply: 8_000,
  eom: 280_000,
  progress: 5_000,
  negotiate: 30_000,
  frame: 60_000,
  linger: 2_000,
  idle: 7_210_000,
};
const FRAME_MEMORY = 67_108_864;

/** Fills in the defaults of options that were checked by their rules. */
export function resolveOptions(options: SessionOptions): ResolvedOptions {
  const { maxDataSize = USUAL, maxFrameMemory = FRAME_MEMORY } = options;
  if (maxFrameMemory < maxDataSize) {
    throw new RangeError(
      `maxFrameMemory is ${maxFrameMemory}; it has to hold one frame at least, ${maxDataSize} bytes.`,
    );
  }
  return {
    failure: options.failure ?? tempfail(),
    timeouts: withDefaults(TIMEOUTS, options.timeouts),
    requires: rightSet('requires', options.requires ?? []),
    stages: stageSet(options.stages ?? [], ALL_STAGES),
    actions: options.actions && rightSet('actions', options.actions),
    version: options.version ?? 6,
    noReply: options.noReply ?? true,
    macros: options.macros ?? {},
    negotiate: options.negotiate,
    leadingSpace: options.leadingSpace ?? false,
    rejectedRecipients: options.rejectedRecipients ?? false,
    maxDataSize,
    frames: new FrameBudget(maxFrameMemory),
    sendmailHeaders: options.sendmailHeaders ?? 8,
    trace: options.trace,
    answerData: false,
  };
}

/** The set of the named rights. */
export function rightSet(what: string, rights: readonly Right[]): number {
  return rights.reduce((set, right) => {
    if (!Object.hasOwn(SMFIF, right)) {
      throw new TypeError(`${what}: ${right} is not a right. Use ${Object.keys(SMFIF).join(', ')}.`);
    }
    return set | SMFIF[right];
  }, 0);
}
