import { dotted, printable } from '../common/printable.js';
import { type Delivery, type DeliveryStep, formatReply } from '../mta/simulate/delivery.js';
import type { Path } from '../mta/simulate/mail.js';
import { describeChanges } from './describe-changes.js';
import type { Envelope } from './envelope-of.js';
import type { Mood, Terminal } from './terminal.js';

const NARROWEST = 18;

/** Tells a person what became of a message. */
export function reportDelivery(
  delivery: Delivery,
  { envelope, bodyBytes }: { readonly envelope: Envelope; readonly bodyBytes: number },
  terminal: Terminal,
): void {
  const { steps, modifications, outcome, agreement } = delivery;
  const changes = describeChanges(modifications, bodyBytes);
  const labels = [...steps.map(labelOf), ...changes.map(({ what }) => what)];
  const width = labels.reduce((most, label) => Math.max(most, label.length), NARROWEST);
  const row = (label: string, text: string, mood?: Mood): void => {
    const shown = dotted(text)
      .split(/\r?\n/)
      .join(`\n${' '.repeat(width + 4)}`);
    terminal.line(`  ${label.padEnd(width)}  ${mood === undefined ? shown : terminal.paint(mood, shown)}`);
  };
  const title = (text: string): void => terminal.line(terminal.paint('title', text));
  const origin = (from: 'said' | 'message', option: string): string =>
    from === 'said' ? '' : terminal.paint('quiet', ` (from the message; give ${option} for another)`);

  title('Envelope');
  row('from', pathText(envelope.sender) + origin(envelope.senderFrom, '--from'));
  for (const one of envelope.recipients) row('to', pathText(one) + origin(envelope.recipientsFrom, '--rcpt'));
  title('SMTP');
  for (const step of steps) {
    const { reply } = step;
    row(labelOf(step), formatReply(reply), reply.code < 400 ? 'good' : reply.code < 500 ? 'doubtful' : 'bad');
  }
  const made = outcome === 'delivered' || outcome === 'quarantined';
  title(made || changes.length === 0 ? 'Changes' : 'Changes that were wanted, and not made');
  for (const { what, to } of changes) row(what, to);
  if (changes.length === 0) terminal.line('  none');
  title('Outcome');
  if (agreement !== undefined) row('protocol version', String(agreement.version));
  row(...outcomeOf(delivery));
}

function outcomeOf(delivery: Delivery): [label: string, text: string, mood: Mood] {
  const { outcome, recipients, sender, quarantined, reply } = delivery;
  switch (outcome) {
    case 'delivered':
      return [outcome, envelopeText(sender, recipients), recipients.length > 0 ? 'good' : 'doubtful'];
    case 'quarantined':
      return [outcome, `${quarantined ?? ''}\n${envelopeText(sender, recipients)}`, 'doubtful'];
    case 'discarded':
      return [outcome, 'the client sees success, and nobody gets the message', 'doubtful'];
    case 'refused':
      return [outcome, `for good: ${formatReply(reply)}`, 'bad'];
    case 'deferred':
      return [outcome, `to be tried again: ${formatReply(reply)}`, 'doubtful'];
    case 'abandoned':
      return [outcome, 'the client has given the message up', 'doubtful'];
  }
}

function envelopeText(sender: Path, recipients: readonly Path[]): string {
  const to = recipients.map((one) => `to ${pathText(one)}`);
  return [`from ${pathText(sender)}`, ...(to.length === 0 ? ['to nobody'] : to)].join('\n');
}

function pathText({ address, args = [] }: Path): string {
  return [`<${address}>`, ...args].join(' ');
}

function labelOf({ command, address }: DeliveryStep): string {
  return address === undefined ? command : `${command} <${printable(address)}>`;
}
