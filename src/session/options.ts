import {
  type Rule,
  type Rules,
  boolean,
  func,
  listOf,
  milliseconds,
  object,
  oneOf,
  rule,
  whole,
  withDefaults,
} from '../common/options.js';
import { messageOf } from '../common/text-of.js';
import { type Right, SMFIF } from '../transport/wire/flags.js';
import { FrameBudget } from './connection/frame-budget.js';
import type { TraceEntry } from './connection/tracer.js';
import {
  type Accept,
  type Decision,
  type Proceed,
  type Reject,
  type Tempfail,
  isLegal,
  tempfail,
} from './decisions.js';
import {
  DATA_SIZES,
  type MacroLists,
  type MaxDataSize,
  type NegotiateHook,
  USUAL,
} from './negotiation/terms.js';
import { checkSmtpReply } from './smtp-reply.js';
import { ALL_STAGES, STAGES, type Stage, stageSet } from './stage.js';

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
  /** Gets every frame of the wire as it is read or written, to find out what goes wrong. Default: none. */
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

const KINDS = ['tempfail', 'reject', 'accept', 'proceed', 'discard', 'skip'] satisfies Decision['kind'][];
const DECISIONS: readonly string[] = KINDS;

/**
 * The rule for an option that is a decision: one of these kinds, with a reply that is one.
 *
 * @param kinds in the order in which they are to be named
 */
export function decisionOf(...kinds: readonly Decision['kind'][]): Rule {
  const calls = kinds.map((kind) => `${kind}()`);
  const made = [...calls.slice(0, -2), calls.slice(-2).join(' or ')].join(', ');
  const isDecision = (value: unknown): boolean => DECISIONS.includes(kindOf(value));
  const fits = (value: unknown): boolean =>
    (kinds as readonly string[]).includes(kindOf(value)) && faultOf(value) === undefined;
  return {
    ...rule(`a decision: what ${made} ${kinds.length === 1 ? 'makes' : 'make'}`, isDecision, fits),
    hint: (value) => hintFor(value, kinds),
  };
}

/** The decisions that may be given at any stage but `unknown`, where those that may not count as `proceed()`. */
export const failureRule: Rule = decisionOf('tempfail', 'reject', 'accept', 'proceed');

/** The rule for a decision that may be given at a stage. */
export function decisionAt(stage: Stage): Rule {
  return decisionOf(...KINDS.filter((kind) => isLegal(kind, stage)));
}

function hintFor(value: unknown, kinds: readonly string[]): string | undefined {
  if (typeof value === 'string' && kinds.includes(value)) return `Write ${value}(), without quotation marks.`;
  if (typeof value === 'function' && kinds.includes(value.name)) return `Call it: ${value.name}().`;
  const kind = kindOf(value);
  if (DECISIONS.includes(kind) && !kinds.includes(kind)) return `${kind}() is not legal there.`;
  return faultOf(value);
}

/** What is wrong with the reply of a decision. */
function faultOf(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { kind, reply } = value as { readonly kind?: unknown; readonly reply?: unknown };
  if ((kind !== 'reject' && kind !== 'tempfail') || reply === undefined) return undefined;
  try {
    checkSmtpReply(kind, reply as Parameters<typeof checkSmtpReply>[1]);
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

function kindOf(value: unknown): string {
  const kind: unknown = typeof value === 'object' && value !== null && 'kind' in value ? value.kind : '';
  return typeof kind === 'string' ? kind : '';
}

/** An array of stages that can be answered. */
export const stageList: Rule = listOf(...STAGES);

/** An array of rights by name. */
const rightList: Rule = listOf(...Object.keys(SMFIF));

const TIMEOUT_RULES: Rules<Timeouts> = {
  reply: milliseconds(1),
  eom: milliseconds(1),
  progress: milliseconds(1),
  negotiate: milliseconds(1),
  frame: milliseconds(1),
  linger: milliseconds(1),
  idle: milliseconds(1),
};

const MACRO = /^[^\s,\0]+$/;
/** The most that Sendmail keeps. */
const MOST_MACROS = 50;

/** They go out in one string with blanks between them. */
const macroNames: Rule = {
  ...rule(
    `an array of at most ${MOST_MACROS} names of macros, such as ['i', '{auth_authen}']`,
    (value) => Array.isArray(value) && value.every((name) => typeof name === 'string' && MACRO.test(name)),
    (value) => (value as readonly unknown[]).length <= MOST_MACROS,
  ),
  hint: (value) =>
    Array.isArray(value) && value.length > MOST_MACROS
      ? `There are ${value.length} names; with more than ${MOST_MACROS} Sendmail refuses all mail.`
      : undefined,
};

const MACROS: Rules<MacroLists> = {
  connect: macroNames,
  helo: macroNames,
  mail: macroNames,
  rcpt: macroNames,
  data: macroNames,
  eoh: macroNames,
  eom: macroNames,
};

/** What can be set for a connection. */
export const SESSION_RULES: Rules<SessionOptions> = {
  failure: failureRule,
  timeouts: object(TIMEOUT_RULES),
  requires: rightList,
  stages: stageList,
  actions: rightList,
  version: whole(2, 6),
  noReply: boolean,
  macros: object(MACROS),
  leadingSpace: boolean,
  rejectedRecipients: boolean,
  maxDataSize: oneOf(...DATA_SIZES),
  maxFrameMemory: whole(1),
  sendmailHeaders: whole(1, 1000),
  trace: func,
  negotiate: func,
};
