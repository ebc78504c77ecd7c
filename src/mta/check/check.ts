import type { Duplex } from 'node:stream';
import type { OperatorFunction } from 'rxjs';

import { type Rules, checkOptions, func, list, milliseconds, object } from '../../common/options.js';
import { isA } from '../../common/text-of.js';
import type { Flow } from '../../session/flow.js';
import { SESSION_RULES, type SessionOptions } from '../../session/options.js';
import type { Stage } from '../../session/stage.js';
import { parseEndpoint } from '../../transport/sockets/endpoint.js';
import type { MilterTarget } from '../client/connection-options.js';
import { filterEnd } from '../client/filter-end.js';
import { MilterError } from '../client/milter-error.js';
import { connectTo } from '../client/reply-stream.js';
import { openingOf } from '../simulate/mail-commands.js';
import { CLIENT_MAIL_RULES, type ClientMail } from '../simulate/mail.js';
import { Reference } from './compare.js';
import { DIALOGUES, type Dialogue, type Step, alone, givenBy } from './dialogues.js';
import type { PlayedMail } from './mails.js';
import { CHECK_RULES, type CheckRule, type CheckSeverity, type Fault } from './rules.js';
import { type Answer, Broken, NotPlayed, Talk, type TalkHost } from './talk.js';

/** The place where a rule was broken. */
export interface CheckPlace {
  /** The name of the dialogue. */
  readonly dialogue: string;
  /** The command, as `describeMessage()` words it. */
  readonly step: string;
}

/** A rule that a milter breaks. */
export interface CheckFinding extends CheckPlace {
  readonly rule: CheckRule;
  /** An `error` breaks, loses or defers mail at some mail server; a `warning` is to be looked at. */
  readonly severity: CheckSeverity;
  /** What the milter did. */
  readonly what: string;
  /** What follows at the mail servers. */
  readonly consequence: string;
  /** Where that is written, or whose behaviour it is. */
  readonly source: string;
  /** What to change. */
  readonly advice: string;
  /** Where else the same was found. */
  readonly also: readonly CheckPlace[];
}

/** What became of a dialogue: played to its end, broken off at an error, or left out, as the milter may have it. */
export interface CheckedDialogue {
  readonly name: string;
  readonly result: 'played' | 'broken' | 'skipped';
}

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
  /** How long to wait for a reply that is not due, in milliseconds. Default 100. */
  readonly settle?: number;
  /** How long a client pauses between commands where it does, in milliseconds. Default 2 000. */
  readonly idle?: number;
  /** The options of `serve()`, where the milter is a filter of this process. */
  readonly session?: SessionOptions;
  /** Called before each dialogue, with its name and how many there are. */
  readonly progress?: (dialogue: string, at: number, of: number) => void;
}

const RULES: Rules<CheckOptions> = {
  mails: list(object(CLIENT_MAIL_RULES)),
  timeout: milliseconds(1),
  settle: milliseconds(0),
  idle: milliseconds(0),
  session: object(SESSION_RULES),
  progress: func,
};

/** What shows in other words each time is told once, with the places where it shows. */
const TOLD_ONCE: readonly CheckRule[] = [
  ...(['missing-reply', 'surplus-reply', 'unagreed-reply', 'leak', 'other-answer'] as const),
  ...(['answer-flags', 'answer-actions', 'offer-refused'] as const),
];
/** What comes to light by waiting. */
const WAITED: readonly CheckRule[] = ['missing-reply', 'frame-length', 'open-after-quit'];
/** This part of the time is given to a milter where it has failed to reply at that stage before. */
const IMPATIENT = 1 / 20;
/** A milter that breaks so many dialogues, the first ones, breaks them all at the same place. */
const HOPELESS = 5;

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
  const { mails = [], progress } = options;
  const own = mails.flatMap((mail, at) => givenBy(`mail ${at + 1}`, openingOf(mail), mail));
  const dialogues = [...DIALOGUES, ...own];
  const run = new Run(to, options);
  for (const [at, dialogue] of dialogues.entries()) {
    progress?.(dialogue.name, at + 1, dialogues.length);
    if (!(await run.play(dialogue))) break;
  }
  return run.report();
}

/** A check under way: what it has found, and the milter that it is about. */
class Run implements TalkHost {
  readonly settle: number;
  readonly idle: number;
  readonly #connect: () => Promise<Duplex> | Duplex;
  readonly #timeout: number;
  readonly #findings = new Map<string, CheckFinding & { readonly also: CheckPlace[] }>();
  readonly #dialogues: CheckedDialogue[] = [];
  readonly #replies: Partial<Record<Stage, number>> = {};
  /** The stage that was waited at last, and those at which it was in vain. */
  #stage = '';
  readonly #late = new Set<string>();
  readonly #tokens = new Set<string>();
  readonly #references = new Map<string, Reference>();
  /** Answers of the dialogue that are others than those to the same mail alone. */
  #others: { readonly mail: PlayedMail; readonly answers: readonly Answer[] }[] = [];
  #dialogue = alone({ sender: '', recipients: [] });

  constructor(to: MilterTarget, { timeout = 10_000, settle = 100, idle = 2000, session }: CheckOptions) {
    const endpoint = typeof to === 'function' ? undefined : parseEndpoint(to);
    this.#connect = () =>
      endpoint !== undefined
        ? connectTo(endpoint, timeout)
        : filterEnd(to as OperatorFunction<Flow, Flow>, { session });
    this.#timeout = timeout;
    this.settle = settle;
    this.idle = idle;
  }

  /** Plays a dialogue; `false` where there is no use in others. */
  async play(dialogue: Dialogue): Promise<boolean> {
    this.#dialogue = dialogue;
    this.#others = [];
    let result: CheckedDialogue['result'] = 'played';
    let isThere = true;
    try {
      await this.#converse(dialogue, this);
      for (const { mail, answers } of this.#others) await this.#judge(mail, answers);
    } catch (error) {
      result = isA(error, NotPlayed) ? 'skipped' : 'broken';
      if (isA(error, MilterError)) {
        if (this.#dialogues.length === 0) throw error;
        this.fault({ rule: 'gone', what: error.message }, 'connect');
        isThere = false;
      } else if (!isA(error, Broken) && !isA(error, NotPlayed)) throw error;
    }
    this.#dialogues.push({ name: dialogue.name, result });
    return (
      isThere &&
      (this.#dialogues.length !== HOPELESS || this.#dialogues.some((one) => one.result !== 'broken'))
    );
  }

  report(): CheckReport {
    const all = [...this.#findings.values()];
    const findings = [
      ...all.filter(({ severity }) => severity === 'error'),
      ...all.filter(({ severity }) => severity !== 'error'),
    ];
    return { findings, dialogues: this.#dialogues, replies: this.#replies };
  }

  timeout(stage: string, most = this.#timeout): number {
    this.#stage = stage;
    return this.#late.has(stage) ? IMPATIENT * most : most;
  }

  fault({ rule, what }: Fault, step: string, noMacros = false): void {
    if (WAITED.includes(rule)) this.#late.add(this.#stage);
    let meant = this.#dialogue.means?.[rule] ?? rule;
    if (noMacros && (rule === 'closed' || rule === 'missing-reply')) meant = 'macros';
    // Replies that were not due come to light as surplus ones, too, where frames are joined.
    if (rule === 'surplus-reply' && this.#isKnown('unagreed-reply')) meant = 'unagreed-reply';
    else if (this.#isKnown(rule)) meant = rule;
    this.#add(meant, what, step);
  }

  answered(stage: Stage): void {
    this.#replies[stage] = (this.#replies[stage] ?? 0) + 1;
  }

  others(mail: PlayedMail | undefined): readonly string[] {
    if (mail?.token !== undefined) this.#tokens.add(mail.token);
    return [...this.#tokens].filter((token) => token !== mail?.token);
  }

  played(mail: PlayedMail, answers: readonly Answer[]): void {
    const { token } = mail;
    if (token === undefined || this.#dialogue.compared !== true) return;
    const reference = this.#references.get(token);
    if (reference === undefined) this.#references.set(token, new Reference(answers));
    else if (reference.difference(answers) !== undefined) this.#others.push({ mail, answers });
  }

  /** Answers are another thing: whether the dialogue makes the difference shows when the mail is played alone again. */
  async #judge(mail: PlayedMail, answers: readonly Answer[]): Promise<void> {
    const reference = this.#references.get(mail.token ?? '');
    await this.#converse(alone(mail), {
      settle: this.settle,
      idle: this.idle,
      timeout: (stage, most) => this.timeout(stage, most),
      fault: () => undefined,
      answered: () => undefined,
      others: () => [],
      played: (_mail, again) => {
        const counted = reference?.calibrate(again);
        if (counted !== undefined) this.#add('other-answer', counted.what, counted.step);
      },
    });
    const other = reference?.difference(answers);
    // What another message has left there makes an answer another one, and is told already.
    if (other !== undefined && !this.#isKnown('leak'))
      this.fault({ rule: 'other-answer', what: other.what }, other.step);
  }

  async #converse(dialogue: Dialogue, host: TalkHost): Promise<void> {
    const talks = new Map<boolean, Talk>();
    let isOther = false;
    try {
      for (const step of dialogue.steps) {
        if (step === 'switch') {
          isOther = !isOther;
          continue;
        }
        const talk = talks.get(isOther) ?? (await Talk.open(await this.#connect(), dialogue, host));
        talks.set(isOther, talk);
        await perform(talk, step);
        if (step === 'quit' || step === 'vanish') talks.delete(isOther);
      }
    } finally {
      for (const talk of talks.values()) talk.destroy();
    }
  }

  #isKnown(rule: CheckRule): boolean {
    return [...this.#findings.values()].some((found) => found.rule === rule);
  }

  #add(rule: CheckRule, what: string, step: string): void {
    const place = { dialogue: this.#dialogue.name, step };
    const key = TOLD_ONCE.includes(rule) ? rule : `${rule} ${what}`;
    const found = this.#findings.get(key);
    if (found === undefined)
      this.#findings.set(key, { rule, ...CHECK_RULES[rule], what, ...place, also: [] });
    else found.also.push(place);
  }
}

async function perform(talk: Talk, step: Exclude<Step, 'switch'>): Promise<void> {
  if (step === 'vanish') talk.destroy();
  else if (typeof step === 'string') await talk[step]();
  else if ('type' in step) await talk.ask(step);
  else await talk.mail(step);
}
