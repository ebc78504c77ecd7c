import {
  type Rules,
  checkOptions,
  object,
  oneOf,
  or,
  string,
  whole,
  withDefaults,
} from '../common/options.js';
import { type DecisionAt, reject, tempfail } from '../session/decisions.js';
import { decisionAt } from '../session/options.js';
import { type BodyStoreOptions, defaultStore } from '../spool/body-store.js';
import type { BodyMode } from './message.js';

/** The most that `onMessage()` collects of a message. */
export interface MessageLimits {
  /** Recipients, without those that were refused. Default 10 000. */
  readonly recipients?: number | undefined;
  /** Fields of the header. Default 2 000. */
  readonly headers?: number | undefined;
  /** Bytes of the header, names and values. Default 1 048 576. */
  readonly headerBytes?: number | undefined;
  /** Bytes of the body that are kept in memory; a longer body is kept in a file as a whole. Default 262 144. */
  readonly memory?: number | undefined;
  /** Bytes of the body. Default Infinity: the MTA has a limit of its own. */
  readonly bodyBytes?: number | undefined;
  /**
   * Bytes that the files of all bodies in this process may have together. Default 1 073 741 824 (1 GiB).
   *
   * @remarks
   * Those of other filters and connections are included. A message whose body finds no room gets the decision of `full`.
   */
  readonly disk?: number | undefined;
}

/** The options of `onMessage()`; all of them have a default. */
export interface MessageOptions<B extends BodyMode = BodyMode> {
  /**
   * The mode for the body: collected, as it arrives, or none. Default `'buffer'`.
   *
   * @remarks
   * `'buffer'` collects it, in memory or in a file; `'stream'` hands it on as it arrives; with `'none'` the MTA does not
   * send it.
   */
  readonly body?: B | undefined;
  /**
   * The bytes of the body that are enough. Default Infinity.
   *
   * @remarks
   * The MTA is asked not to send the rest. Only with `'buffer'`: a reader of `'stream'` just stops.
   */
  readonly maxBytes?: number | undefined;
  readonly limits?: MessageLimits | undefined;
  /**
   * The decision for a message beyond a limit, or `'truncate'`. Default `reject({ code: 552, enhanced: '5.3.4', … })`.
   *
   * @remarks
   * With `'truncate'` it is cut at the limit, and `message.truncated` names the parts. For `limits.disk` there is `full`.
   */
  readonly beyond?: 'truncate' | DecisionAt<'eom'> | undefined;
  /**
   * The decision for a message for whose body `limits.disk` leaves no room at the moment.
   *
   * @remarks
   * Default `tempfail({ code: 452, enhanced: '4.3.1', … })`: the client is to try again.
   */
  readonly full?: DecisionAt<'eom'> | undefined;
  /** The directory for the files of bodies. Default `os.tmpdir()`. */
  readonly directory?: string | undefined;
}

/** The options, each with a value. */
export interface ResolvedMessageOptions {
  readonly body: BodyMode;
  readonly maxBytes: number;
  readonly limits: { readonly [L in keyof MessageLimits]-?: number };
  readonly beyond: 'truncate' | DecisionAt<'eom'>;
  readonly full: DecisionAt<'eom'>;
  /** How a body is kept. */
  readonly store: BodyStoreOptions;
}

const count = or(whole(0), Infinity);

const RULES: Rules<MessageOptions> = {
  body: oneOf('buffer', 'stream', 'none'),
  maxBytes: count,
  limits: object<MessageLimits>({
    recipients: count,
    headers: count,
    headerBytes: count,
    memory: count,
    bodyBytes: count,
    disk: count,
  }),
  beyond: or(decisionAt('eom'), 'truncate'),
  full: decisionAt('eom'),
  directory: { ...string, expected: 'the name of a directory' },
};

const LIMITS = {
  recipients: 10_000,
  headers: 2_000,
  headerBytes: 1_048_576,
  memory: defaultStore().memory,
  bodyBytes: Infinity,
  disk: defaultStore().disk,
};

const TOO_BIG = reject({
  code: 552,
  enhanced: '5.3.4',
  text: 'The message is larger than this system can look through',
});

const FULL = tempfail({
  code: 452,
  enhanced: '4.3.1',
  text: 'There is no room for the message at the moment, please try again later',
});

/**
 * Fills in what was not given.
 *
 * @throws TypeError or RangeError that names the option
 */
export function resolveMessageOptions(given: MessageOptions): ResolvedMessageOptions {
  checkOptions('onMessage()', given, RULES);
  const { body = 'buffer', maxBytes = Infinity, beyond = TOO_BIG } = given;
  const { directory = defaultStore().directory, full = FULL } = given;
  const limits = withDefaults(LIMITS, given.limits);
  if (maxBytes !== Infinity && (body === 'stream' || body === 'none')) {
    throw new TypeError(
      `onMessage(): maxBytes is of no use with body: '${body}'. Use 'buffer'; to have enough of a stream, stop reading it.`,
    );
  }
  const store = { memory: limits.memory, directory, disk: limits.disk };
  return { body, maxBytes, beyond, full, store, limits };
}
