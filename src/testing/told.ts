import type { MtaAnswer } from '../mta/client/answer.js';
import type { WireModification } from '../mta/client/modification-list.js';
import type { TranscriptEntry } from '../mta/client/mta-connection.js';
import type { Modification, Text } from '../session/modifications.js';
import { BOTTOM } from '../session/changes/order-changes.js';
import type { SmtpReply } from '../session/smtp-reply.js';

/** What a simulated MTA was told to an event. */
export interface Told {
  /**
   * `continue` is what an undecided event becomes, and one that the filter was not asked about. `lost`: the connection
   * was over before there was an answer.
   */
  readonly verdict: 'continue' | 'accept' | 'reject' | 'tempfail' | 'discard' | 'skip' | 'lost';
  /** Where it was refused: what the SMTP client is to see. */
  readonly reply: SmtpReply | undefined;
  /** At `eom`: what is to be changed, in the order and in the words of the wire, as `addHeader()` … make it. */
  readonly modifications: readonly Modification[];
  /** Whether the MTA waited for an answer; not where nobody wants the event, or decides it. */
  readonly asked: boolean;
}

/** What an answer amounts to for the author of a filter. */
export function toldBy({ verdict, modifications }: MtaAnswer, exchange: TranscriptEntry | undefined): Told {
  const refused = verdict.kind === 'refuse' ? verdict.reply : undefined;
  const refusal = refused !== undefined && refused.code < 500 ? 'tempfail' : 'reject';
  return {
    verdict: verdict.kind === 'refuse' ? refusal : verdict.kind,
    reply: refused,
    modifications: inOurWords(modifications),
    asked: (exchange?.received.length ?? 0) > 0,
  };
}

/** The pieces of a body are one modification. */
function inOurWords(all: readonly WireModification[]): Modification[] {
  const pieces = all.flatMap((one) => (one.type === 'replaceBody' ? [one.data] : []));
  const others = all.flatMap((one) => (one.type === 'replaceBody' ? [] : [inOurWord(one)]));
  return pieces.length === 0
    ? others
    : [...others, { kind: 'replaceBody', body: textOf(Buffer.concat(pieces)) }];
}

function inOurWord(one: Exclude<WireModification, { type: 'replaceBody' }>): Modification {
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
      return { kind: 'addRecipient', address: one.address, args: words(one.args) };
    case 'deleteRecipient':
      return { kind: 'deleteRecipient', address: one.text };
    case 'changeSender':
      return { kind: 'changeSender', address: one.address, args: words(one.args) };
    case 'quarantine':
      return { kind: 'quarantine', reason: one.text };
  }
}

/** On the wire they are one string. */
function words(args: readonly string[]): string[] {
  return args.flatMap((text) => text.split(' ')).filter((word) => word !== '');
}

function textOf(bytes: Buffer): Text {
  const text = bytes.toString();
  return Buffer.from(text).equals(bytes) ? text : bytes;
}
