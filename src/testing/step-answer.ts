import type { MtaAnswer } from '../mta/client/answer.js';
import { argumentWords, type WireModification } from '../mta/client/modification-list.js';
import { BOTTOM } from '../session/changes/order-changes.js';
import type { Modification } from '../session/modifications.js';
import type { SmtpReply } from '../session/smtp-reply.js';

/** The answer of a filter to a step of a simulated MTA. */
export interface StepAnswer {
  /**
   * `continue`: the event was not decided, or the filter was not asked about it. `lost`: the connection was over before
   * there was an answer.
   */
  readonly verdict: 'continue' | 'accept' | 'reject' | 'tempfail' | 'discard' | 'skip' | 'lost';
  /** With a refusal: the reply for the SMTP client. */
  readonly reply: SmtpReply | undefined;
  /** At `eom`: the modifications in the order and with the values of the wire, as `addHeader()` … make them. */
  readonly modifications: readonly Modification[];
  /** Whether the MTA waited for an answer; not where the filter does not want the event, or does not decide it. */
  readonly asked: boolean;
}

/** An answer in the words of this library. */
export function stepAnswer({ verdict, modifications }: MtaAnswer, asked: boolean): StepAnswer {
  const reply = verdict.kind === 'refuse' ? verdict.reply : undefined;
  const refusal = reply !== undefined && reply.code < 500 ? 'tempfail' : 'reject';
  return {
    verdict: verdict.kind === 'refuse' ? refusal : verdict.kind,
    reply,
    modifications: modificationsOf(modifications),
    asked,
  };
}

/** The pieces of a body are one modification, the last. */
function modificationsOf(all: readonly WireModification[]): Modification[] {
  const pieces = all.flatMap((one) => (one.type === 'replaceBody' ? [one.data] : []));
  const others = all.flatMap((one) => (one.type === 'replaceBody' ? [] : [modificationOf(one)]));
  if (pieces.length === 0) return others;
  const bytes = Buffer.concat(pieces);
  const text = bytes.toString();
  return [...others, { kind: 'replaceBody', body: Buffer.from(text).equals(bytes) ? text : bytes }];
}

function modificationOf(one: Exclude<WireModification, { type: 'replaceBody' }>): Modification {
  switch (one.type) {
    case 'addHeader':
      return { kind: 'addHeader', name: one.name, value: one.value };
    case 'insertHeader': {
      const position = one.index === 0 ? 'top' : one.index === BOTTOM ? 'bottom' : one.index;
      return { kind: 'insertHeader', position, name: one.name, value: one.value };
    }
    case 'changeHeader': {
      const { index, name, value } = one;
      return value === ''
        ? { kind: 'deleteHeader', name, index }
        : { kind: 'changeHeader', name, index, value };
    }
    case 'addRecipient':
      return { kind: 'addRecipient', address: one.text, args: [] };
    case 'addRecipientPar':
      return { kind: 'addRecipient', address: one.address, args: argumentWords(one.args) };
    case 'deleteRecipient':
      return { kind: 'deleteRecipient', address: one.text };
    case 'changeSender':
      return { kind: 'changeSender', address: one.address, args: argumentWords(one.args) };
    case 'quarantine':
      return { kind: 'quarantine', reason: one.text };
  }
}
