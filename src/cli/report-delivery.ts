import { dotted, printable, printableJson } from '../common/printable.js';
import { type WireModification, argumentWords } from '../mta/client/modification-list.js';
import { type Delivery, type DeliveryStep, formatReply } from '../mta/simulate/delivery.js';
import type { Path } from '../mta/simulate/mail.js';
import type { EmlParts } from '../mta/simulate/parse-eml.js';
import { describeMessage } from '../transport/wire/describe-message.js';
import { decodeText } from '../transport/wire/text.js';
import { unifiedDiff } from './diff.js';
import type { Envelope } from './envelope.js';
import type { Style, Terminal } from './terminal.js';

const NARROWEST = 18;

/** A message that was sent. */
interface Sent {
  readonly eml: EmlParts;
  readonly envelope: Envelope;
}

/** The options that show more of a delivery. */
type Wanted = Readonly<Partial<Record<'trace' | 'diff' | 'message', boolean | undefined>>>;

/** Shows a person what became of a message, and what else is wanted. */
export function reportDelivery(delivery: Delivery, sent: Sent, wanted: Wanted, terminal: Terminal): void {
  const { failure, transcript } = delivery;
  const connected = transcript.length > 0;
  if (connected && wanted.trace === true) {
    terminal.line('Wire', 'title');
    for (const { sent: commands, received } of transcript) {
      for (const command of commands) terminal.line(`  mta    → ${describeMessage(command)}`);
      for (const reply of received) terminal.line(`  milter ← ${describeMessage(reply)}`);
    }
  }
  if (connected) reportOutcome(delivery, sent, terminal);
  if (failure !== undefined) terminal.note(`rxmilter send: ${failure.message}`);
  if (connected && wanted.diff === true) {
    terminal.line('Difference', 'title');
    for (const line of messageDiff(sent.eml, delivery)) {
      terminal.line(line, line.startsWith('+') ? 'good' : line.startsWith('-') ? 'bad' : undefined);
    }
  }
  if (connected && wanted.message === true) {
    terminal.line('Message', 'title');
    terminal.bytes(delivery.message);
  }
}

function reportOutcome(delivery: Delivery, { eml, envelope }: Sent, terminal: Terminal): void {
  const { steps, modifications, outcome, agreement } = delivery;
  const changes = changesOf(modifications, eml.body.length);
  const labels = [...steps.map(labelOf), ...changes.map(([label]) => label)];
  const width = labels.reduce((most, label) => Math.max(most, label.length), NARROWEST);
  const row = (label: string, text: string, style?: Style): void => {
    const shown = dotted(text)
      .split(/\r?\n/)
      .join(`\n${' '.repeat(width + 4)}`);
    terminal.line(`  ${label.padEnd(width)}  ${terminal.paint(shown, style)}`);
  };
  const origin = (from: 'option' | 'message', option: string): string =>
    from === 'option' ? '' : terminal.paint(` (from the message; give ${option} for another)`, 'quiet');

  terminal.line('Envelope', 'title');
  row('from', pathText(envelope.sender) + origin(envelope.senderFrom, '--from'));
  for (const one of envelope.recipients) row('to', pathText(one) + origin(envelope.recipientsFrom, '--rcpt'));
  terminal.line('SMTP', 'title');
  for (const step of steps) {
    const { reply } = step;
    row(labelOf(step), formatReply(reply), reply.code < 400 ? 'good' : reply.code < 500 ? 'doubtful' : 'bad');
  }
  const made = outcome === 'delivered' || outcome === 'quarantined';
  terminal.line(made || changes.length === 0 ? 'Changes' : 'Changes that were wanted, and not made', 'title');
  for (const [label, text] of changes) row(label, text);
  if (changes.length === 0) terminal.line('  none');
  terminal.line('Outcome', 'title');
  if (agreement !== undefined) row('protocol version', String(agreement.version));
  row(outcome, ...outcomeOf(delivery));
}

function outcomeOf({ outcome, recipients, sender, quarantined, reply }: Delivery): [string, Style] {
  const to = recipients.length === 0 ? ['to no recipient'] : recipients.map((one) => `to ${pathText(one)}`);
  const envelope = [`from ${pathText(sender)}`, ...to].join('\n');
  const outcomes: Readonly<Record<Delivery['outcome'], [string, Style]>> = {
    delivered: [envelope, recipients.length > 0 ? 'good' : 'doubtful'],
    quarantined: [`${quarantined ?? ''}\n${envelope}`, 'doubtful'],
    discarded: ['the client sees success, and the message is not delivered', 'doubtful'],
    refused: [`for good: ${formatReply(reply)}`, 'bad'],
    deferred: [`to be tried again: ${formatReply(reply)}`, 'doubtful'],
    abandoned: ['the client has given the message up', 'doubtful'],
  };
  return outcomes[outcome];
}

function labelOf({ command, address }: DeliveryStep): string {
  return address === undefined ? command : `${command} <${printable(address)}>`;
}

function pathText({ address, args = [] }: Path): string {
  return [`<${address}>`, ...args].join(' ');
}

type Change = readonly [label: string, text: string];

/** The modifications in words. The pieces of a new body are one change. */
function changesOf(modifications: readonly WireModification[], bodyBytes: number): Change[] {
  const pieces = modifications.filter((one) => one.type === 'replaceBody');
  const length = pieces.reduce((sum, { data }) => sum + data.length, 0);
  return modifications.flatMap((one) => {
    if (one.type !== 'replaceBody') return [changeOf(one)];
    return one === pieces[0] ? [['replace body', `${length} bytes, it had ${bodyBytes}`]] : [];
  });
}

function changeOf(one: Exclude<WireModification, { type: 'replaceBody' }>): Change {
  const label = one.type.replace('Par', '').replace(/[A-Z]/, (letter) => ` ${letter.toLowerCase()}`);
  if ('text' in one) return [label, one.text];
  if ('args' in one) return [label, [one.address, ...argumentWords(one.args)].join(' ')];
  const value = one.value.trimStart();
  if (one.type === 'addHeader') return [label, `${one.name}: ${value}`];
  if (one.type === 'insertHeader') return [`${label} at ${one.index}`, `${one.name}: ${value}`];
  const which = one.index > 1 ? `${one.name} (number ${one.index})` : one.name;
  return one.value === '' ? ['delete header', which] : [label, `${which}: ${value}`];
}

/** The field that the mail server itself puts on top. */
const RECEIVED = /\bby mta\.example\.org with ESMTP\w* id /;

/** The changes that a milter made to a message, as the lines of a unified diff. */
function messageDiff({ headers, body }: EmlParts, delivery: Delivery): string[] {
  const ours = delivery.headers.find(({ name, value }) => name === 'Received' && RECEIVED.test(value));
  const fields = headers.map(([name, , raw]) => ({ name, raw }));
  const others = delivery.headers.filter((field) => field !== ours);
  const lines = unifiedDiff(textOf(fields, body), textOf(others, delivery.body), ['before', 'after']);
  return lines.length === 0 ? ['(none)'] : lines;
}

function textOf(headers: readonly { readonly name: string; readonly raw: Buffer }[], body: Buffer): string {
  const fields = headers.map(({ name, raw }) => `${name}:${decodeText(raw, 0, raw.length)}\n`);
  const text = `${fields.join('')}\n${decodeText(body, 0, body.length)}`;
  return dotted(text.replaceAll('\r\n', '\n'));
}

/** A delivery as JSON, with bytes as `{ "text": … }` where they are UTF-8, and as `{ "base64": … }` elsewhere. */
export function deliveryJson(delivery: Delivery): string {
  const { agreement, quarantined = null } = delivery;
  const { kind, stage, message, refusal = null } = delivery.failure ?? {};
  const all = {
    ...delivery,
    quarantined,
    agreement: agreement === undefined ? null : { ...agreement, lists: Object.fromEntries(agreement.lists) },
    failure: delivery.failure === undefined ? null : { kind, stage, message, refusal },
  };
  return printableJson(plain(all), 2);
}

function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) {
    const buffer = Buffer.from(value);
    const text = buffer.toString('utf8');
    return Buffer.from(text).equals(buffer) ? { text } : { base64: buffer.toString('base64') };
  }
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, plain(each)]));
}
