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
import { type BodyStoreOptions, DEFAULT_STORE } from '../spool/body-store.js';
import type { BodyMode } from './message.js';

/** The most that `onMessage()` collects of a message. */
export interface MessageLimits {
  /** Recipients, without those that were refused. Default 10 000. */
  readonly recipients?: number | undefined;
  /** Fields of the header. Default 2 000. */
  readonly headers?: number | undefined;
  /** Bytes of the header, names and values. Default 1 048 576. */
  readonly headerBytes?: number | undefined;
  /** Bytes of the body that are kept in memory; of a longer one twice that at most, the rest in a file. Default 262 144. */
  readonly memory?: number | undefined;
  /** Bytes of the body. Default Infinity: the MTA has a limit of its own. */
  readonly bodyBytes?: number | undefined;
  /** Bytes that the files of all bodies in this process may have together. Default 1 073 741 824 (1 GiB). */
  readonly disk?: number | undefined;
}

/** The options of `onMessage()`; all of them have a default. */
export interface MessageOptions<B extends string = BodyMode> {
  /** `'buffer'` collects the body, `'stream'` hands it on as it arrives, with `'none'` none is sent. Default `'buffer'`. */
  readonly body?: (B extends BodyMode ? B : string extends B ? B : BodyMode) | undefined;
  /** The bytes of a `'buffer'` that are enough: the MTA is asked not to send the rest. Default Infinity. */
  readonly maxBytes?: number | undefined;
  readonly limits?: MessageLimits | undefined;
  /**
   * The decision for a message beyond a limit, or `'truncate'`. Default `reject({ code: 552, enhanced: '5.3.4', … })`.
   *
   * @remarks
   * With `'truncate'` it is cut at the limit, and `message.truncated` names the parts. For `limits.disk` there is `full`.
   */
  readonly beyond?: 'truncate' | DecisionAt<'eom'> | undefined;
  /** The decision where `limits.disk` has no room for the body. Default `tempfail({ code: 452, enhanced: '4.3.1', … })`. */
  readonly full?: DecisionAt<'eom'> | undefined;
  /** The directory for the files of bodies. Default `os.tmpdir()`. */
  readonly directory?: string | undefined;
}

const LIMITS = {
  recipients: 10_000,
  headers: 2_000,
  headerBytes: 1_048_576,
  memory: DEFAULT_STORE.memory,
  bodyBytes: Infinity,
  disk: DEFAULT_STORE.disk,
};

/** The options, each with a value. */
export interface ResolvedMessageOptions {
  readonly body: BodyMode;
  readonly maxBytes: number;
  readonly limits: Readonly<typeof LIMITS>;
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
  const { body = 'buffer', maxBytes = Infinity, beyond = TOO_BIG, full = FULL } = given;
  const { directory = DEFAULT_STORE.directory } = given;
  const limits = withDefaults(LIMITS, given.limits);
  if (maxBytes !== Infinity && body !== 'buffer') {
    throw new TypeError(
      `onMessage(): maxBytes is of no use with body: '${body}'. Use 'buffer'; to have enough of a stream, stop reading it.`,
    );
  }
  const store = { memory: limits.memory, directory, disk: limits.disk };
  return { body, maxBytes, beyond, full, store, limits };
}
