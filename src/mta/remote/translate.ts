import { BOTTOM } from '../../session/changes/order-changes.js';
import { type Decision, discard, reject, tempfail } from '../../session/decisions.js';
import type { StageEvent } from '../../session/flow.js';
import {
  type AddHeader,
  type HeaderPosition,
  type Modification,
  addHeader,
  addRecipient,
  changeHeader,
  changeSender,
  deleteHeader,
  deleteRecipient,
  quarantine,
  replaceBody,
} from '../../session/modifications.js';
import { wireName } from '../../session/negotiation/terms.js';
import type { SessionInfo } from '../../session/session-info.js';
import { type SmtpReply, checkSmtpReply } from '../../session/smtp-reply.js';
import { BIT } from '../../session/stage.js';
import { SMFIF, SMFIP } from '../../transport/wire/flags.js';
import { DEFAULT_OFFER, type MtaOffer } from '../client/agreement.js';
import type { MtaEvent, Verdict } from '../client/answer.js';
import type { MtaMacros } from '../client/macros.js';
import { type WireModification, argumentWords, valueBytes } from '../client/modification-list.js';
import { REFUSALS } from '../client/sanitise-reply.js';

/** The most that fits into a body frame. */
const CHUNK = 65_535;

/**
 * The offer to a milter elsewhere: what this filter is granted, so that it cannot ask for more. A milter that is never
 * asked at the end of a message is offered all rights: it would otherwise refuse to work at all.
 */
export function offerFor(session: SessionInfo, stages: number): MtaOffer {
  const granted = session.rights.reduce<number>((set, right) => set | SMFIF[right], SMFIF.SETSYMLIST);
  const actions = (stages & BIT.eom) === 0 ? DEFAULT_OFFER.actions : granted;
  let { protocol } = DEFAULT_OFFER;
  if (!session.leadingSpace) protocol &= ~SMFIP.HDR_LEADSPC;
  if (!session.protocol.includes('RCPT_REJ')) protocol &= ~SMFIP.RCPT_REJ;
  return { version: DEFAULT_OFFER.version, actions, protocol };
}

/**
 * An event as commands, byte for byte as it came: one, or for a large piece of a body several.
 *
 * @param hidesBlank whether the milter does not see the blank after the colon, though this filter does
 */
export function commandsOf(event: StageEvent, hidesBlank: boolean): MtaEvent[] {
  switch (event.stage) {
    case 'connect': {
      const { host, family, port, address, raw } = event;
      return [{ type: 'connect', host, family, port, address, raw }];
    }
    case 'helo':
      return [{ type: 'helo', text: event.name, raw: event.raw }];
    case 'mail':
    case 'rcpt':
      return [{ type: event.stage, address: event.address, args: event.args, raw: event.raw }];
    case 'header': {
      const raw = hidesBlank && event.raw[0] === 0x20 ? event.raw.subarray(1) : event.raw;
      return [{ type: 'header', name: event.name, value: event.value, raw }];
    }
    case 'body': {
      const { buffer, byteOffset, length } = event.chunk;
      const data = Buffer.from(buffer, byteOffset, length);
      return Array.from({ length: Math.ceil(length / CHUNK) }, (_piece, at) => ({
        type: 'body',
        data: data.subarray(at * CHUNK, (at + 1) * CHUNK),
      }));
    }
    case 'unknown':
      return [{ type: 'unknown', text: event.command, raw: event.raw }];
    case 'eom':
      return [{ type: 'eom', data: Buffer.alloc(0) }];
    default:
      return [{ type: event.stage }];
  }
}

/** The macros in scope by their names on the wire, and those that were given beside them. */
export function macrosOf(session: SessionInfo, given: MtaMacros): MtaMacros {
  const macros = Object.entries(session.macros.all()).map(([name, value]) => [wireName(name), value]);
  return { ...Object.fromEntries(macros), ...given } as MtaMacros;
}

/**
 * The decision that a verdict means for the pipeline: that the milter accepts, or has enough, ends its own interest only.
 *
 * @throws AnswerError where it refuses in words that cannot be passed on
 */
export function decisionOf(verdict: Verdict): Decision | undefined {
  if (verdict.kind === 'discard') return discard();
  return verdict.kind === 'refuse' ? refusalOf(verdict.reply) : undefined;
}

/** A refusal as a decision; one without words leaves them to the MTA, as the milter did. */
export function refusalOf(reply: SmtpReply): Decision {
  if (reply === REFUSALS.reject) return reject();
  if (reply === REFUSALS.tempfail) return tempfail();
  const kind = reply.code >= 500 ? 'reject' : 'tempfail';
  return { kind, reply: checkSmtpReply(kind, reply) };
}

/**
 * The changes that a milter wants, as the modifications of this library, byte for byte as they came. The milter counts as
 * an MTA does, which makes one change after the other; here every number counts the headers as they were shown.
 *
 * @param shown how many headers the milter was shown
 * @param addsBlank whether the milter leaves the blank after the colon to the MTA, though this filter writes it
 * @throws AnswerError where one could not be made, or would break the message
 */
export function modificationsOf(
  wire: readonly WireModification[],
  shown: number,
  addsBlank: boolean,
): Modification[] {
  const others: Modification[] = [];
  const headers: PlacedHeader[] = [];
  const body: Uint8Array[] = [];
  const value = (field: Parameters<typeof valueBytes>[0]): Uint8Array => {
    const bytes = valueBytes(field);
    // An empty value, which deletes, stays.
    return addsBlank && bytes.length > 0 ? Buffer.concat([Buffer.from(' '), bytes]) : bytes;
  };
  for (const one of wire) {
    switch (one.type) {
      case 'addHeader':
        headers.push({ at: Infinity, header: addHeader(one.name, value(one)) });
        break;
      case 'insertHeader':
        headers.push({ at: one.index, header: addHeader(one.name, value(one)) });
        break;
      case 'changeHeader': {
        const [bytes, index] = [value(one), Math.max(1, one.index)];
        others.push(
          bytes.length === 0 ? deleteHeader(one.name, index) : changeHeader(one.name, bytes, index),
        );
        break;
      }
      case 'replaceBody':
        body.push(one.data);
        break;
      case 'addRecipient':
        others.push(addRecipient(one.raw ?? one.text));
        break;
      case 'addRecipientPar':
        others.push(addRecipient(one.raw ?? one.address, argumentWords(one.args)));
        break;
      case 'deleteRecipient':
        others.push(deleteRecipient(one.raw ?? one.text));
        break;
      case 'changeSender':
        others.push(changeSender(one.raw ?? one.address, argumentWords(one.args)));
        break;
      case 'quarantine':
        others.push(quarantine(one.raw ?? one.text));
        break;
    }
  }
  const whole = body.length === 0 ? [] : [replaceBody(Buffer.concat(body))];
  return [...others, ...placeHeaders(headers, shown), ...whole];
}

/** A new header and the position that a milter wants it at: 0 is the top, `Infinity` the end. */
interface PlacedHeader {
  readonly at: number;
  readonly header: AddHeader;
}

/**
 * New headers, each inserted into what those before it have made, as modifications whose positions count the headers as
 * they were shown.
 *
 * An MTA counts its own Received as the first header, so that 1 is above the first that the milter was shown.
 *
 * @param shown how many the milter was shown; `Infinity` where that is not known
 */
export function placeHeaders(placed: readonly PlacedHeader[], shown: number): Modification[] {
  /** In the order in which they end up, each with how many of the message's own headers are above it. */
  const list: { readonly above: number; readonly wanted: number; readonly header: AddHeader }[] = [];
  for (const { at: wanted, header } of placed) {
    const isEnd = wanted >= BOTTOM;
    const next = isEnd ? -1 : list.findIndex(({ above }, before) => above + before >= wanted);
    const before = next === -1 ? list.length : next;
    const above = isEnd ? shown + 1 : Math.min(wanted - before, shown + 1);
    list.splice(before, 0, { above, wanted, header });
  }
  // Of several at the top the last is uppermost; those at any other place come in their order.
  const top = list.filter(({ above }) => above === 0).reverse();
  return [...top, ...list.slice(top.length)].map(({ above, wanted, header }) => {
    if (above === 0) return at('top', header);
    if (above <= shown && above < BOTTOM) return at(above, header);
    return wanted === Infinity ? header : at('bottom', header);
  });
}

function at(position: HeaderPosition, { name, value }: AddHeader): Modification {
  return { kind: 'insertHeader', position, name, value };
}
