import { placeOf } from '../common/call-site.js';
import { describeError } from '../common/describe-error.js';
import { excerpt } from '../common/printable.js';
import { causeOf, isA } from '../common/text-of.js';
import { SessionState } from './connection/session-state.js';
import { AnswerError } from './errors.js';
import type { Outcome } from './outcome.js';
import type { SessionInfo } from './session-info.js';

/** Names and addresses are not longer than this. */
const LONGEST = 100;

/** An error of a filter in a line: whose it is, what, and its place in the user's code. Never throws. */
export function complaint(error: Error, { session, stage }: Pick<Outcome, 'session' | 'stage'>): string {
  const what = describeError(error);
  const whose = [`session ${session.id}`, `client ${clientOf(session)}`, ...mailOf(session)];
  if (!what.includes(`at stage ${stage}`)) whose.splice(1, 0, `stage ${stage}`);
  // An AnswerError that knows its place says it itself.
  const placed = isA(error, AnswerError) && error.place !== undefined;
  return `${whose.join(', ')}: ${placed ? what : plainComplaint(error)}`;
}

function clientOf({ client: { address, host } }: SessionInfo): string {
  return shown(address) || shown(host) || 'unknown';
}

function mailOf(session: SessionInfo): string[] {
  const { queueId } = session;
  if (queueId !== undefined) return [`queue id ${shown(queueId)}`];
  const told = session instanceof SessionState ? session.envelope : undefined;
  const sender = told?.sender ?? session.macros.get('mail_addr');
  const recipient = told?.recipient ?? session.macros.get('rcpt_addr');
  return [
    ...(sender === undefined ? [] : [`from ${bracketed(sender)}`]),
    ...(recipient === undefined ? [] : [`to ${bracketed(recipient)}`]),
  ];
}

function bracketed(address: string): string {
  return address.startsWith('<') ? shown(address) : `<${shown(address)}>`;
}

function shown(text: string): string {
  return excerpt(text, LONGEST);
}

/** An error that no connection is at fault for, in a line. Never throws. */
export function plainComplaint(error: unknown): string {
  const place = placeOf(causeOf(error)) ?? placeOf(error);
  return `${describeError(error)}${place === undefined ? '' : ` (at ${place})`}`;
}
