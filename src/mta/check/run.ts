import type { Duplex } from 'node:stream';
import type { OperatorFunction } from 'rxjs';

import { isA } from '../../common/text-of.js';
import type { Flow } from '../../session/flow.js';
import type { SessionOptions } from '../../session/options.js';
import type { Stage } from '../../session/stage.js';
import { parseEndpoint } from '../../transport/sockets/endpoint.js';
import type { MilterTarget } from '../client/connection-options.js';
import { filterEnd } from '../client/filter-end.js';
import { MilterError } from '../client/milter-error.js';
import { connectTo } from '../client/reply-stream.js';
import { Reference } from './compare.js';
import { type Dialogue, type Step, alone } from './dialogues.js';
import { Findings } from './findings.js';
import type { PlayedMail } from './mails.js';
import type { CheckRule } from './rules.js';
import { type Answer, Broken, NotPlayed, Talk, type TalkHost } from './talk.js';

/** What became of a dialogue: played to its end, broken off at an error, or left out, as the milter may have it. */
export interface CheckedDialogue {
  readonly name: string;
  readonly result: 'played' | 'broken' | 'skipped';
}

/** What comes to light by waiting. */
const WAITED: readonly CheckRule[] = ['missing-reply', 'frame-length', 'open-after-quit'];
/** This part of the time is given to a milter where it has failed to reply at that stage before. */
const IMPATIENT = 1 / 20;

/** Times are in milliseconds. */
interface RunOptions {
  readonly timeout?: number;
  readonly settle?: number;
  readonly idle?: number;
  readonly session?: SessionOptions;
}

/** A check under way: the milter that it is about, and what is known of it so far. */
export class Run {
  readonly findings = new Findings();
  readonly replies: Partial<Record<Stage, number>> = {};
  readonly settle: number;
  readonly idle: number;
  /** The milter does not listen any more. */
  isGone = false;
  readonly #connect: () => Promise<Duplex> | Duplex;
  readonly #timeout: number;
  /** Stages at which it was waited in vain. */
  readonly #late = new Set<string>();
  readonly #tokens = new Set<string>();
  readonly #references = new Map<string, Reference>();
  #hasListened = false;

  constructor(to: MilterTarget, { timeout = 10_000, settle, idle, session }: RunOptions) {
    const endpoint = typeof to === 'function' ? undefined : parseEndpoint(to);
    // A session of this process says nothing later, and does not get tired.
    const [shortly, idly] = endpoint === undefined ? [1, 1] : [100, 2000];
    this.#connect = () =>
      endpoint === undefined
        ? filterEnd(to as OperatorFunction<Flow, Flow>, { session })
        : connectTo(endpoint, timeout);
    this.#timeout = timeout;
    this.settle = settle ?? shortly;
    this.idle = idle ?? idly;
  }

  /** Plays a dialogue, and judges it. */
  async play(dialogue: Dialogue): Promise<CheckedDialogue['result']> {
    /** Answers that are others than those to the same mail alone. */
    const others: {
      readonly reference: Reference;
      readonly mail: PlayedMail;
      readonly answers: readonly Answer[];
    }[] = [];
    const host = this.#host(dialogue, (mail, answers) => {
      const { token } = mail;
      if (token === undefined || dialogue.compared !== true) return;
      const reference = this.#references.get(token);
      if (reference === undefined) this.#references.set(token, new Reference(answers));
      else if (reference.difference(answers) !== undefined) others.push({ reference, mail, answers });
    });
    try {
      await this.#converse(dialogue, host);
      for (const { reference, mail, answers } of others) {
        await this.#again(dialogue.name, mail, reference);
        const other = reference.difference(answers);
        // What another message has left there makes an answer another one, and is told already.
        if (other === undefined || this.findings.has('leak')) continue;
        host.fault({ rule: 'other-answer', what: other.what }, other.step, false);
      }
      return 'played';
    } catch (error) {
      if (isA(error, NotPlayed)) return 'skipped';
      if (isA(error, MilterError) && this.#hasListened) {
        this.isGone = true;
        host.fault({ rule: 'gone', what: error.message }, 'connect', false);
      } else if (!isA(error, Broken)) throw error;
      return 'broken';
    }
  }

  /** Plays a mail alone again: whether answers are others then says whether the milter counts. */
  async #again(dialogue: string, mail: PlayedMail, reference: Reference): Promise<void> {
    const plain = alone(mail);
    await this.#converse(plain, {
      ...this.#host(plain, (_mail, answers) => {
        const counted = reference.calibrate(answers);
        if (counted === undefined) return;
        this.findings.add({ rule: 'other-answer', what: counted.what }, { dialogue, step: counted.step });
      }),
      fault: () => undefined,
    });
  }

  #host({ name, means }: Dialogue, played: TalkHost['played']): TalkHost {
    let waiting = '';
    return {
      settle: this.settle,
      idle: this.idle,
      played,
      timeout: (stage, most = this.#timeout) => {
        waiting = stage;
        return this.#late.has(stage) ? IMPATIENT * most : most;
      },
      fault: (fault, step, noMacros) => {
        if (WAITED.includes(fault.rule)) this.#late.add(waiting);
        this.findings.add(
          { ...fault, rule: this.#meant(fault.rule, means, noMacros) },
          { dialogue: name, step },
        );
      },
      answered: (stage) => {
        this.replies[stage] = (this.replies[stage] ?? 0) + 1;
      },
      others: ({ token } = { sender: '', recipients: [] }) => {
        if (token !== undefined) this.#tokens.add(token);
        return [...this.#tokens].filter((one) => one !== token);
      },
    };
  }

  /** The rule that is broken where it is this one by the bytes alone. */
  #meant(rule: CheckRule, means: Dialogue['means'] = {}, noMacros: boolean): CheckRule {
    // Replies that were not due come to light as surplus ones, too, where frames are joined.
    if (rule === 'surplus-reply' && this.findings.has('unagreed-reply')) return 'unagreed-reply';
    if (this.findings.has(rule)) return rule;
    return noMacros && (rule === 'closed' || rule === 'missing-reply') ? 'macros' : (means[rule] ?? rule);
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
        const talk = talks.get(isOther) ?? (await this.#open(dialogue, host));
        talks.set(isOther, talk);
        await perform(talk, step);
        if (step === 'quit' || step === 'vanish') talks.delete(isOther);
      }
    } finally {
      for (const talk of talks.values()) talk.destroy();
    }
  }

  async #open(dialogue: Dialogue, host: TalkHost): Promise<Talk> {
    const stream = await this.#connect();
    this.#hasListened = true;
    return Talk.open(stream, dialogue, host);
  }
}

async function perform(talk: Talk, step: Exclude<Step, 'switch'>): Promise<void> {
  if (step === 'vanish') talk.destroy();
  else if (typeof step === 'string') await talk[step]();
  else if ('type' in step) await talk.ask(step);
  else await talk.mail(step);
}
