import type { OperatorFunction } from 'rxjs';

import { MilterError } from '../../mta/client/milter-error.js';
import { type ClientMail, pathOf } from '../../mta/simulate/mail.js';
import type { Flow } from '../../session/flow.js';
import type { Outcome } from '../../session/outcome.js';
import { simulate } from '../simulate.js';
import type { Simulation } from '../simulation.js';
import type { Told } from '../told.js';
import type { ResolvedContract } from './contract-options.js';
import { watch, type Entry } from './watch.js';

/** A step of a conversation and what the MTA was told. */
export interface Line {
  readonly step: string;
  readonly told: Told;
}

/** Talks to the filter: over one connection, in lock-step. */
export interface Speaker {
  /** A whole mail; gives what was told to each of its steps. */
  mail(mail: ClientMail): Promise<readonly Line[]>;
  /** A mail up to the end of its headers, and an abort. */
  aborted(mail: ClientMail): Promise<void>;
  unknown(): Promise<void>;
}

/** What is known after a conversation. */
export interface Conversation {
  readonly log: readonly Entry[];
  readonly outcomes: readonly Outcome[];
  /** Whether it ended before all was said. */
  readonly cut: boolean;
}

/**
 * Has a conversation with the filter. It ends at the first event without an answer, and where the filter closes the
 * connection: the rules that are about that will tell.
 */
export async function converse(
  filter: OperatorFunction<Flow, Flow>,
  options: ResolvedContract,
  speak: (speaker: Speaker) => Promise<void>,
): Promise<Conversation> {
  const { macros, session, timeout } = options;
  const watched = watch(filter);
  const timeouts = { ...session.timeouts, reply: timeout, eom: timeout };
  let cut = false;
  const mta = await simulate(watched.filter, { macros, session: { ...session, timeouts } });
  try {
    await speak(new Conversationalist(mta));
    await mta.close();
  } catch (error) {
    mta.hangUp();
    if (!(error instanceof Stop || error instanceof MilterError)) throw error;
    cut = true;
  }
  return { log: watched.log, outcomes: mta.outcomes, cut };
}

/** There is nothing more to say. */
class Stop extends Error {}

class Conversationalist implements Speaker {
  readonly #mta: Simulation;
  #connected = false;

  constructor(mta: Simulation) {
    this.#mta = mta;
  }

  async mail(mail: ClientMail): Promise<readonly Line[]> {
    const lines: Line[] = [];
    await this.#connect(mail);
    for (const { step, take } of stepsOf(mail, this.#mta)) {
      if (step === 'data' && !lines.some(({ step: one, told }) => one.startsWith('rcpt') && goesOn(told)))
        break;
      const told = await this.#said(take());
      lines.push({ step, told });
      if (!goesOn(told) && !step.startsWith('rcpt')) break;
      if (told.verdict === 'accept' || told.verdict === 'discard') break;
    }
    await this.#mta.abort();
    return lines;
  }

  async aborted(mail: ClientMail): Promise<void> {
    await this.#connect(mail);
    for (const { step, take } of stepsOf(mail, this.#mta)) {
      if (step === 'end of headers') break;
      const told = await this.#said(take());
      if (!goesOn(told)) break;
    }
    await this.#mta.abort();
  }

  async unknown(): Promise<void> {
    await this.#said(this.#mta.unknown());
  }

  async #connect({ client, helo }: ClientMail): Promise<void> {
    if (this.#connected) return;
    this.#connected = true;
    await this.#said(this.#mta.connect(client?.address, client));
    await this.#said(this.#mta.helo(helo));
  }

  async #said(step: Promise<Told>): Promise<Told> {
    const told = await step;
    if (this.#mta.unanswered.length > 0) throw new Stop();
    return told;
  }
}

function goesOn({ verdict }: Told): boolean {
  return verdict === 'continue' || verdict === 'skip';
}

interface MailStep {
  readonly step: string;
  readonly take: () => Promise<Told>;
}

function stepsOf(mail: ClientMail, mta: Simulation): MailStep[] {
  const sender = pathOf(mail.sender);
  const { macros = {}, headers = [], body = '' } = mail;
  const known = Object.fromEntries(Object.entries(macros).map(([name, value]) => [name, value ?? '']));
  return [
    {
      step: `mail <${sender.address}>`,
      take: () => mta.mail(sender.address, { args: sender.args, macros: known }),
    },
    ...mail.recipients.map(pathOf).map((path) => ({
      step: `rcpt <${path.address}>`,
      take: () => mta.rcpt(path.address, { args: path.args, macros: known }),
    })),
    { step: 'data', take: () => mta.data() },
    ...headers.map(([name, value]) => ({ step: `header ${name}`, take: () => mta.header(name, value) })),
    { step: 'end of headers', take: () => mta.eoh() },
    ...(body.length === 0 ? [] : [{ step: 'body', take: () => mta.body(wired(body)) }]),
    { step: 'eom', take: () => mta.eom({ macros: known }) },
  ];
}

function wired(body: string | Uint8Array): Uint8Array {
  return Buffer.from(typeof body === 'string' ? body.replace(/\r?\n/g, '\r\n') : body);
}
