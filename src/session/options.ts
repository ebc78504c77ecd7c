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
import { type Right, SMFIF, SMFIM } from '../transport/wire/flags.js';
import { FrameBudget } from './connection/frame-budget.js';
import type { TraceEntry } from './connection/tracer.js';
import { type Accept, type Allow, type Reject, type Tempfail, isLegal, tempfail } from './decisions.js';
import {
  DATA_SIZES,
  type MacroLists,
  type MaxDataSize,
  type NegotiateHook,
  type Ungranted,
  USUAL,
} from './negotiation/terms.js';
import { ToldWishes } from './negotiation/ungranted.js';
import { checkSmtpReply } from './smtp-reply.js';
import { ALL_STAGES, STAGES, type Stage, stageSet } from './stage.js';

/** How long things may take, in milliseconds. */
export interface Timeouts {
  /** From an event to its answer, but for `eom`. Default 8 000: Sendmail waits for 10 s. */
  readonly reply?: number | undefined;
  /** From `eom` to its answer, and for what a filter pauses for. Default 280 000: MTAs wait for 5 minutes. */
  readonly eom?: number | undefined;
  /** Between the progress frames while `eom` is pending. Default 5 000. */
  readonly progress?: number | undefined;
  /** From the connection to its negotiation. Default 30 000. */
  readonly negotiate?: number | undefined;
  /** From the first byte of a frame to its last, and for the MTA to take what was written. Default 60 000. */
  readonly frame?: number | undefined;
  /** While stopping: from the last byte of a connection without a message to its end. Default 2 000. */
  readonly linger?: number | undefined;
  /** Without any byte from the MTA. Default 7 210 000 (libmilter's): a client may take hours for its DATA. */
  readonly idle?: number | undefined;
}

/** The decisions that say the same at every stage. */
export type Failure = Allow | Accept | Reject | Tempfail;

/** What can be set for a connection; all of it has a default. */
export interface SessionOptions {
  /** What an event gets whose filter threw, or did not answer in time. Default `tempfail()`. */
  readonly failure?: Failure | undefined;
  readonly timeouts?: Timeouts | undefined;
  /** Rights that the filter cannot do without: the connections of an MTA that does not grant them are refused. */
  readonly requireRights?: readonly Right[] | undefined;
  /**
   * What follows where the MTA does not grant a right that the filter wants: `'defer'`, each message that needs it gets
   * the failure decision; `'skip'`, it passes without that change; `'refuse'`, connections are refused for now (451 4.3.5)
   * where it is known at negotiation, and otherwise as `'defer'`. Told once for each right, filter and mail server. Default
   * `'defer'`.
   */
  readonly ungranted?: Ungranted | undefined;
  /** Stages to ask the MTA for even where no filter wants them. */
  readonly stages?: readonly Stage[] | undefined;
  /** Rights to ask for. Default: all that are offered if a filter decides at `eom`, else none. */
  readonly rights?: readonly Right[] | undefined;
  /** The highest protocol version to agree to. Default 6. */
  readonly version?: 2 | 3 | 4 | 5 | 6 | undefined;
  /** Whether to let the MTA not wait where no filter decides. Default true. */
  readonly noReply?: boolean | undefined;
  /** Macros to ask for; for a stage left out the MTA sends what it is configured to. */
  readonly macros?: MacroLists | undefined;
  /** Whether header values begin with the blank after the colon, read and written. Default false. */
  readonly leadingSpace?: boolean | undefined;
  /** Whether to be shown recipients that the MTA has rejected, with `rcpt.rejected`. Default false. */
  readonly rejectedRecipients?: boolean | undefined;
  /** The most data bytes in a frame to agree to (libmilter's `smfi_setmaxdatasize`). Default 65535. */
  readonly maxDataSize?: MaxDataSize | undefined;
  /** Bytes that unfinished frames of all connections may take; then the oldest is closed. Default 64 MiB. */
  readonly maxFrameMemory?: number | undefined;
  /** How many headers Sendmail's `H` lines define, for places in `insertHeader`. Default 8. */
  readonly sendmailHeaders?: number | undefined;
  /** Gets every frame of the wire as it is read or written. */
  readonly trace?: ((entry: TraceEntry) => void) | undefined;
  /** Gets offer and terms. Returns terms within the offer, `undefined`, or `reject()` for the connection. */
  readonly negotiate?: NegotiateHook | undefined;
}

const DEFAULTS = {
  failure: tempfail() as Failure,
  ungranted: 'defer' as Ungranted,
  version: 6 as number,
  noReply: true,
  macros: {} as MacroLists,
  leadingSpace: false,
  rejectedRecipients: false,
  maxDataSize: USUAL,
  maxFrameMemory: 67_108_864,
  sendmailHeaders: 8,
};

const TIMEOUTS: Record<keyof Timeouts, number> = {
  reply: 8_000,
  eom: 280_000,
  progress: 5_000,
  negotiate: 30_000,
  frame: 60_000,
  linger: 2_000,
  idle: 7_210_000,
};

/** The same, complete and checked; rights and stages are sets. */
export interface ResolvedOptions extends Readonly<typeof DEFAULTS> {
  readonly timeouts: Readonly<typeof TIMEOUTS>;
  readonly requires: number;
  readonly stages: number;
  readonly actions: number | undefined;
  readonly negotiate: NegotiateHook | undefined;
  readonly trace: ((entry: TraceEntry) => void) | undefined;
  /** For all connections that get these options. */
  readonly frames: FrameBudget;
  /** For all connections, too. */
  readonly told: ToldWishes;
  /**
   * Whether to answer DATA in any case. Postfix sends it from the process that talks to the client, and the message
   * from another one, which over TCP would wait 40 ms for the acknowledgement that an answer carries.
   */
  readonly answerData: boolean;
}

/** Fills in the defaults of options that were checked by their rules. */
export function resolveOptions(options: SessionOptions): ResolvedOptions {
  const known = withDefaults(DEFAULTS, options);
  const { maxDataSize, maxFrameMemory } = known;
  if (maxFrameMemory < maxDataSize) {
    throw new RangeError(
      `maxFrameMemory is ${maxFrameMemory}; it has to hold one frame at least, ${maxDataSize} bytes.`,
    );
  }
  return {
    ...known,
    timeouts: withDefaults(TIMEOUTS, options.timeouts),
    requires: rightSet('requireRights', options.requireRights ?? []),
    stages: stageSet(options.stages ?? [], ALL_STAGES),
    actions: options.rights && rightSet('rights', options.rights),
    negotiate: options.negotiate,
    trace: options.trace,
    frames: new FrameBudget(maxFrameMemory),
    told: new ToldWishes(),
    answerData: false,
  };
}

export function rightSet(what: string, rights: readonly Right[]): number {
  return rights.reduce((set, right) => {
    if (!Object.hasOwn(SMFIF, right)) {
      throw new TypeError(`${what}: ${right} is not a right. Use ${Object.keys(SMFIF).join(', ')}.`);
    }
    return set | SMFIF[right];
  }, 0);
}

const DECISIONS: readonly string[] = ['tempfail', 'reject', 'accept', 'allow', 'discard', 'skip'];

/** The rule for an option that is a decision of one of these kinds, which are named in this order. */
export function decisionOf(...kinds: readonly string[]): Rule {
  const calls = kinds.map((kind) => `${kind}()`);
  const made = [...calls.slice(0, -2), calls.slice(-2).join(' or ')].join(', ');
  const isDecision = (value: unknown): boolean => DECISIONS.includes(kindOf(value));
  const fits = (value: unknown): boolean => kinds.includes(kindOf(value)) && faultOf(value) === undefined;
  return {
    ...rule(`a decision: what ${made} ${kinds.length === 1 ? 'makes' : 'make'}`, isDecision, fits),
    hint: (value) => hintFor(value, kinds),
  };
}

/** The rule for a failure decision, as it may be given at any stage but `unknown`. */
export const failureRule: Rule = decisionOf('tempfail', 'reject', 'accept', 'allow');

/** The rule for a decision that may be given at a stage. */
export function decisionAt(stage: Stage): Rule {
  return decisionOf(...DECISIONS.filter((kind) => isLegal(kind, stage)));
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

export const stageList: Rule = listOf(...STAGES);

const rightList: Rule = listOf(...Object.keys(SMFIF));

const MACRO = /^[^\s,\0]+$/;
/** The most that Sendmail keeps. */
const MOST_MACROS = 50;

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

function alike<O extends object>(names: object, each: Rule): Rules<O> {
  return Object.fromEntries(Object.keys(names).map((name) => [name, each])) as Rules<O>;
}

export const SESSION_RULES: Rules<SessionOptions> = {
  failure: failureRule,
  timeouts: object(alike<Timeouts>(TIMEOUTS, milliseconds(1))),
  requireRights: rightList,
  ungranted: oneOf('refuse', 'defer', 'skip'),
  stages: stageList,
  rights: rightList,
  version: whole(2, 6),
  noReply: boolean,
  macros: object(alike<MacroLists>(SMFIM, macroNames)),
  leadingSpace: boolean,
  rejectedRecipients: boolean,
  maxDataSize: oneOf(...DATA_SIZES),
  maxFrameMemory: whole(1),
  sendmailHeaders: whole(1, 1000),
  trace: func,
  negotiate: func,
};
