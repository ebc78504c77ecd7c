import type { OperatorFunction } from 'rxjs';

import type { ClientOptions } from '../../mta/client-mail.js';
import type { ClientMail } from '../../mta/deliver.js';
import { pathOf } from '../../mta/mail.js';
import { MilterError } from '../../mta/milter-error.js';
import type { Flow } from '../../session/flow.js';
import type { Outcome } from '../../session/outcome.js';
import { simulate, type Simulation } from '../simulate.js';
import type { Told } from '../told.js';
import type { ResolvedContract } from './contract-options.js';
import { Watch } from './watch.js';

/** A step of a conversation, and the answer to it. */
export interface Line {
  readonly step: string;
  readonly told: Told;
}

/** The result of a conversation. */
export interface Conversation {
  readonly watch: Watch;
  readonly outcomes: readonly Outcome[];
  /** Whether it ended early. */
  readonly cut: boolean;
}

/**
 * Has a conversation with the filter. It ends at the first event without an answer, and where the filter closes the
 * connection: the rules that are about that find it in the log.
 */
export async function converse(
  filter: OperatorFunction<Flow, Flow>,
  options: ResolvedContract,
  speak: (speaker: Speaker) => Promise<void>,
): Promise<Conversation> {
  const { macros, session, timeout } = options;
  const watch = new Watch(filter);
  const timeouts = { ...session.timeouts, reply: timeout, eom: timeout };
  let cut = false;
  const mta = await simulate(watch.filter, { macros, session: { ...session, timeouts } });
  try {
    await speak(new Speaker(mta));
    await mta.close();
  } catch (error) {
    mta.hangUp();
    if (!(error instanceof Stop || error instanceof MilterError)) throw error;
    cut = true;
  }
  return { watch, outcomes: mta.outcomes, cut };
}

/** The filter has left an event without an answer. */
class Stop extends Error {}

/** Speaks to the filter over one connection, in lock-step. */
export class Speaker {
  readonly #mta: Simulation;
  #connected = false;

  constructor(mta: Simulation) {
    this.#mta = mta;
  }

  /** Sends a mail, as a whole or up to the end of its headers, and an abort; returns the answer to each step. */
  async mail(mail: ClientMail, extent: 'whole' | 'headers' = 'whole'): Promise<readonly Line[]> {
    const lines: Line[] = [];
    let recipients = 0;
    await this.connect(mail);
    for (const { step, take } of stepsOf(mail, this.#mta)) {
      if ((step === 'data' && recipients === 0) || (step === 'eoh' && extent === 'headers')) break;
      const told = await this.#answered(take());
      const { verdict } = told;
      lines.push({ step, told });
      const isRecipient = step.startsWith('rcpt');
      const goesOn = verdict === 'continue' || verdict === 'skip';
      if (isRecipient && goesOn) recipients++;
      // A refused recipient is one of several.
      if (!goesOn && !(isRecipient && (verdict === 'reject' || verdict === 'tempfail'))) break;
    }
    await this.#mta.abort();
    return lines;
  }

  async unknown(): Promise<void> {
    await this.#answered(this.#mta.unknown());
  }

  /** Connects once, as the client of the first mail. */
  async connect({ client, helo }: ClientOptions): Promise<void> {
    if (this.#connected) return;
    this.#connected = true;
    await this.#answered(this.#mta.connect(client?.address, client));
    await this.#answered(this.#mta.helo(helo));
  }

  async #answered(step: Promise<Told>): Promise<Told> {
    const told = await step;
    if (this.#mta.unanswered.length > 0) throw new Stop();
    return told;
  }
}

interface MailStep {
  readonly step: string;
  readonly take: () => Promise<Told>;
}

function stepsOf(mail: ClientMail, mta: Simulation): MailStep[] {
  const sender = pathOf(mail.sender);
  const { headers = [], body = '' } = mail;
  const macros = Object.fromEntries(
    Object.entries(mail.macros ?? {}).map(([name, value]) => [name, value ?? '']),
  );
  return [
    { step: `mail <${sender.address}>`, take: () => mta.mail(sender.address, { args: sender.args, macros }) },
    ...mail.recipients.map(pathOf).map(({ address, args }) => ({
      step: `rcpt <${address}>`,
      take: () => mta.rcpt(address, { args, macros }),
    })),
    { step: 'data', take: () => mta.data() },
    ...headers.map(([name, value]) => ({ step: `header ${name}`, take: () => mta.header(name, value) })),
    { step: 'eoh', take: () => mta.eoh() },
    ...(body.length === 0 ? [] : [{ step: 'body', take: () => mta.body(wired(body)) }]),
    { step: 'eom', take: () => mta.eom({ macros }) },
  ];
}

function wired(body: string | Uint8Array): Uint8Array {
  return Buffer.from(typeof body === 'string' ? body.replace(/\r?\n/g, '\r\n') : body);
}
