import { type Rules, checkOptions, list, milliseconds, object } from '../../common/options.js';
import { SESSION_RULES, type SessionOptions } from '../../session/options.js';
import type { Stage } from '../../session/stage.js';
import type { MilterTarget } from '../client/connection-options.js';
import { openingOf } from '../simulate/mail-commands.js';
import { CLIENT_MAIL_RULES, type ClientMail } from '../simulate/mail.js';
import { DIALOGUES, givenBy } from './dialogues.js';
import type { CheckFinding } from './findings.js';
import { type CheckedDialogue, Run } from './run.js';

/** What `check()` found. */
export interface CheckReport {
  readonly findings: readonly CheckFinding[];
  readonly dialogues: readonly CheckedDialogue[];
  /** How often the milter replied at each stage. One that accepts all at connect is not judged any further. */
  readonly replies: Readonly<Partial<Record<Stage, number>>>;
}

/** The options of `check()`. */
export interface CheckOptions {
  /** Mails to play beside those that are built in, as each mail server gives them. */
  readonly mails?: readonly ClientMail[];
  /** How long a reply may take, in milliseconds. Default 10 000, as Sendmail's. */
  readonly timeout?: number;
  /** How long to wait for a reply that is not due, in milliseconds. Default 100; 1 for a filter of this process. */
  readonly settle?: number;
  /** How long a client pauses where it does, in milliseconds. Default 2 000; 1 for a filter of this process. */
  readonly idle?: number;
  /** The options of `serve()`, where the milter is a filter of this process. */
  readonly session?: SessionOptions;
}

const RULES: Rules<CheckOptions> = {
  mails: list(object(CLIENT_MAIL_RULES)),
  timeout: milliseconds(1),
  settle: milliseconds(0),
  idle: milliseconds(0),
  session: object(SESSION_RULES),
};

/** A milter that breaks so many dialogues, the first ones, breaks them all at the same place. */
const HOPELESS = 5;
/** So many dialogues at the same time are held with a filter of this process. */
const AT_ONCE = 8;

/**
 * Judges a milter by the protocol: plays the dialogues of Postfix, Sendmail, Stalwart and maddy with it.
 *
 * @remarks
 * It opens some 60 connections, one after the other, and sends test messages of its own; no mail is sent anywhere. A
 * milter that counts (rate limit, greylist) counts them, and is not blamed for it.
 *
 * @throws MilterError where nothing listens; TypeError, RangeError or EndpointError for wrong arguments
 * @example const { findings } = await check('inet:8891@127.0.0.1');
 */
export async function check(to: MilterTarget, options: CheckOptions = {}): Promise<CheckReport> {
  checkOptions('check()', options, RULES);
  const { mails = [] } = options;
  const own = mails.flatMap((mail, at) => givenBy(`mail ${at + 1}`, openingOf(mail), mail));
  const all = [...DIALOGUES, ...own];
  const run = new Run(to, options);
  const dialogues: CheckedDialogue[] = [];
  const waiting = all.entries();
  const play = async (most: number): Promise<void> => {
    for (const [at, dialogue] of waiting) {
      dialogues[at] = { name: dialogue.name, result: await run.play(dialogue) };
      if (run.isGone || at + 1 >= most) return;
    }
  };
  await play(HOPELESS);
  if (dialogues.some(({ result }) => result !== 'broken')) {
    const atOnce = typeof to === 'function' ? AT_ONCE : 1;
    await Promise.all(Array.from({ length: run.isGone ? 0 : atOnce }, () => play(Infinity)));
  }
  return { findings: run.findings.all, dialogues, replies: run.replies };
}
