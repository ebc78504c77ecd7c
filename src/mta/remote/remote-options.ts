import {
  LONGEST_TIMER,
  type Rule,
  type Rules,
  checkOptions,
  milliseconds,
  object,
  or,
  rule,
  shown,
  withDefaults,
} from '../../common/options.js';
import { excerpt } from '../../common/printable.js';
import type { Site } from '../../session/answer-watch.js';
import { tempfail } from '../../session/decisions.js';
import type { Wish } from '../../session/negotiation/tags.js';
import { type Failure, failureRule, stageList } from '../../session/options.js';
import { ALL_STAGES, BIT, type Stage, stageSet } from '../../session/stage.js';
import {
  type Endpoint,
  type EndpointInput,
  formatEndpoint,
  parseEndpoint,
} from '../../transport/sockets/endpoint.js';
import { SMFIF } from '../../transport/wire/flags.js';
import { type MtaOffer, offerRule } from '../client/agreement.js';
import { type MtaMacros, macroValues } from '../client/macros.js';

/** A failure of a milter elsewhere: its `cause` is the `MilterError` that says how it failed. */
export class RemoteError extends Error {
  override readonly name = 'RemoteError';
  /** The event that it was asked about. */
  readonly stage: Stage;
  /** Where the milter listens, as `parseEndpoint` reads it. */
  readonly endpoint: string;

  constructor(stage: Stage, endpoint: string, instead: string, cause: Error) {
    super(`The milter at ${endpoint} could not be asked about ${stage}; ${instead}. ${cause.message}`, {
      cause,
    });
    this.stage = stage;
    this.endpoint = endpoint;
  }
}

/** How long a milter elsewhere may take, in milliseconds; keep them below the `timeouts` of `serve()`. */
export interface RemoteTimeouts {
  /** For the connection to be there. Default 5 000. */
  readonly connect?: number | undefined;
  /** For an event up to `data`, connection, negotiation and earlier events included. Default 7 000. */
  readonly command?: number | undefined;
  /** For `header`, `eoh` and `body`. Default 7 000. */
  readonly content?: number | undefined;
  /** For `eom`, progress or not. Default 270 000. */
  readonly eom?: number | undefined;
}

/** How a milter elsewhere is asked. */
export interface RemoteOptions {
  /**
   * The decision for an event that the milter could not be asked about, and for the rest of its message: `'tempfail'`,
   * `'pass'` (as if the milter were not there), or a decision. Default `'tempfail'`.
   */
  readonly failure?: 'tempfail' | 'pass' | Failure | undefined;
  readonly timeouts?: RemoteTimeouts | undefined;
  /**
   * The events that it is asked about. Client, HELO, sender and recipients are sent to it in any case, with the first
   * event that needs them; a recipient that it refuses then stays one. Default: all.
   */
  readonly stages?: readonly Stage[] | undefined;
  /** Values of macros, by their names, instead of those that the MTA sent or beside them. */
  readonly macros?: MtaMacros | undefined;
  /** The offer to it. Default: version 6, and what the MTA lets this filter do. */
  readonly offer?: Partial<MtaOffer> | undefined;
}

export interface ResolvedRemote {
  readonly endpoint: Endpoint;
  /** `undefined` lets the event pass. */
  readonly failure: Failure | undefined;
  readonly timeouts: Readonly<Record<keyof RemoteTimeouts, number>>;
  readonly stages: number;
  readonly macros: MtaMacros;
  readonly offer: Partial<MtaOffer>;
  /** The call of `remote()`. */
  readonly site: Site;
}

const TIMEOUTS = { connect: 5000, command: 7000, content: 7000, eom: 270_000 };
/** Twice as much still fits a timer. */
const time = milliseconds(1, Math.floor(LONGEST_TIMER / 2));

const MACRO = /^(?:[^{}\s\0]|\{[^{}\s\0]+\})$/;

const macros: Rule = {
  ...rule(
    'an object with strings without NUL, by the names that macros have on the wire',
    (value) => macroValues.check(value) !== 'type',
    (value) =>
      macroValues.check(value) === 'right' &&
      Object.entries(value as MtaMacros).every(
        ([name, text = '']) => MACRO.test(name) && !text.includes('\0'),
      ),
  ),
  hint: (value) => {
    const names = typeof value === 'object' && value !== null ? Object.keys(value) : [];
    const bare = names.find((name) => /^[^{}\s\0]{2,}$/.test(name));
    return bare === undefined
      ? undefined
      : `${shown(bare)} is no name of a macro. Did you mean '{${excerpt(bare, 60)}}'?`;
  },
};

const RULES: Rules<RemoteOptions> = {
  failure: or(failureRule, 'tempfail', 'pass'),
  timeouts: object<RemoteTimeouts>({ connect: time, command: time, content: time, eom: time }),
  stages: stageList,
  macros,
  offer: offerRule,
};

export function resolveRemote(to: EndpointInput, options: RemoteOptions): ResolvedRemote {
  checkOptions('remote()', options, RULES);
  const { failure = 'tempfail' } = options;
  const endpoint = parseEndpoint(to);
  if (endpoint.family !== 'unix' && endpoint.port === 0) {
    throw new RangeError(
      'remote(): port 0 is for those who listen. Name the port that the milter listens on.',
    );
  }
  return {
    endpoint,
    failure: failure === 'pass' ? undefined : failure === 'tempfail' ? tempfail() : failure,
    timeouts: withDefaults(TIMEOUTS, options.timeouts),
    stages: options.stages === undefined ? ALL_STAGES : stageSet(options.stages, ALL_STAGES),
    macros: options.macros ?? {},
    offer: options.offer ?? {},
    site: new Error(),
  };
}

/** The rights that an offer of the user's own promises to the milter, which it may use at the end of a message. */
export function wishOf({ endpoint, offer: { actions = 0 }, stages, site }: ResolvedRemote): Wish {
  const rights = (stages & BIT.eom) === 0 ? 0 : actions & ~SMFIF.SETSYMLIST;
  return { rights, by: `the milter at ${formatEndpoint(endpoint)}`, site, required: false };
}
