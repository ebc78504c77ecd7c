import { tempfail } from '../session/decisions/tempfail.js';
import { checkSmtpReply } from '../session/make-smtp-reply.js';
import type { Failure } from '../session/options.js';
import { ALL_STAGES, stageSet, type Stage } from '../session/stage.js';
import { parseEndpoint, type Endpoint, type EndpointInput } from '../transport/endpoint.js';
import type { Offer } from './agreement.js';
import type { Macros } from './macro-lists.js';
import { wireMacros } from './wire-macros.js';

/** How long a milter elsewhere may take, in milliseconds; keep them below the `timeouts` of `serve()`. */
export interface RemoteTimeouts {
  /** For the connection to be there. Default 5 000. */
  readonly connect?: number | undefined;
  /** For an event up to `data`, all that it takes included: connection, negotiation, what has to be told first. Default 7 000. */
  readonly command?: number | undefined;
  /** For `header`, `eoh` and `body`. Default 7 000. */
  readonly content?: number | undefined;
  /** For `eom`, signs of life or not. Default 270 000. */
  readonly eom?: number | undefined;
}

/** How a milter elsewhere is asked. */
export interface RemoteOptions {
  /**
   * What an event gets that the milter could not be asked about, and the rest of its message: `'tempfail'`, `'pass'` (as
   * if it were not there), or a decision. Default `'tempfail'`.
   */
  readonly failure?: 'tempfail' | 'pass' | Failure | undefined;
  readonly timeouts?: RemoteTimeouts | undefined;
  /**
   * The events that it is asked about. Client, HELO, sender and recipients it is told in any case, with the first event
   * that needs them; a recipient that it refuses then stays one. Default: all.
   */
  readonly stages?: readonly Stage[] | undefined;
  /** Values of macros, by their names, instead of those that the MTA sent or beside them. */
  readonly macros?: Macros | undefined;
  /** What it is offered. Default: version 6, and what the MTA lets this filter do. */
  readonly offer?: Partial<Offer> | undefined;
}

/** The same, complete and checked. */
export interface ResolvedRemote {
  readonly endpoint: Endpoint;
  /** `undefined` lets the event pass. */
  readonly failure: Failure | undefined;
  readonly timeouts: Readonly<Record<keyof RemoteTimeouts, number>>;
  readonly stages: number;
  readonly macros: Macros;
  readonly offer: Partial<Offer>;
}

const TIMEOUTS = { connect: 5000, command: 7000, content: 7000, eom: 270_000 };
/** Twice as much still fits a timer; of more Node would make nothing. */
const LONGEST = 0x3fffffff;

/** Fills in the defaults; throws an error that names what is wrong. */
export function resolveRemote(to: EndpointInput, options: RemoteOptions): ResolvedRemote {
  const endpoint = parseEndpoint(to);
  if (endpoint.family !== 'unix' && endpoint.port === 0) {
    throw new RangeError(
      'remote(): port 0 is for those who listen. Name the port that the milter listens on.',
    );
  }
  const timeouts = { ...TIMEOUTS };
  for (const [name, value] of Object.entries(options.timeouts ?? {}) as [keyof RemoteTimeouts, unknown][]) {
    if (value === undefined) continue;
    if (!Object.hasOwn(TIMEOUTS, name)) {
      throw new TypeError(`remote(): there is no timeouts.${name}. Use ${Object.keys(TIMEOUTS).join(', ')}.`);
    }
    if (typeof value !== 'number' || !(value > 0 && value <= LONGEST)) {
      throw new RangeError(
        `remote(): timeouts.${name} is ${typeof value === 'number' ? value : `a ${typeof value}`}. Use milliseconds above 0 and below 12 days.`,
      );
    }
    timeouts[name] = value;
  }
  return {
    endpoint,
    failure: resolveFailure(options.failure ?? 'tempfail'),
    timeouts,
    stages: options.stages === undefined ? ALL_STAGES : stageSet(options.stages, ALL_STAGES),
    macros: checkMacros(options.macros ?? {}),
    offer: options.offer ?? {},
  };
}

function resolveFailure(failure: 'tempfail' | 'pass' | Failure): Failure | undefined {
  if (failure === 'pass') return undefined;
  if (failure === 'tempfail') return tempfail();
  const kind = (failure as Partial<Failure> | null)?.kind;
  if (!['reject', 'tempfail', 'accept', 'proceed'].includes(String(kind))) {
    throw new TypeError(
      "remote(): failure has to be 'tempfail', 'pass', or what tempfail(), reject(), accept() or proceed() make.",
    );
  }
  if ('reply' in failure) checkSmtpReply(failure.kind, failure.reply);
  return failure;
}

function checkMacros(macros: Macros): Macros {
  for (const [name, value] of Object.entries(macros) as [string, unknown][]) {
    if (value !== undefined && (typeof value !== 'string' || value.includes('\0'))) {
      throw new TypeError(`remote(): the macro ${name} has to be a string without NUL.`);
    }
    if (!/^(?:[^{}\s\0]|\{[^{}\s\0]+\})$/.test(name)) {
      const meant = /^[^{}\s\0]+$/.test(name) ? ` Did you mean '{${name}}'?` : '';
      throw new TypeError(`remote(): ${JSON.stringify(name)} is not the name of a macro.${meant}`);
    }
  }
  return wireMacros(macros);
}
