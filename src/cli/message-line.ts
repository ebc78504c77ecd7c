import { printable } from '../common/printable.js';
import type { MessageOutcome } from '../session/outcome.js';

/** A message that is over as one line of text. */
export function messageLine(message: MessageOutcome): string {
  const { queueId, result, stage, sender, recipients, client, size, rounds, duration, text, error } = message;
  const to = recipients.map(
    (each) => `<${each.address}>${each.result === 'accepted' ? '' : ` ${each.result}`}`,
  );
  const words = [
    new Date().toISOString(),
    queueId ?? '-',
    stage === undefined ? result : `${result} at ${stage}`,
    `from <${sender}>`,
    `to ${to.length === 0 ? 'none' : to.join(', ')}`,
    `client ${client.host}[${client.address}]`,
    ...(size === undefined ? [] : [`${size} bytes`]),
    `${rounds} rounds`,
    `${duration.toFixed(1)} ms`,
    ...changesOf(message),
    ...(text === '' ? [] : [text]),
    ...(error === undefined ? [] : [error.message]),
  ];
  return printable(words.join('; '));
}

/** The same as one line of JSON. */
export function messageJson(message: MessageOutcome): string {
  const { queueId, client, helo, auth, sender, recipients, result, stage, text, size, rounds, duration } =
    message;
  return JSON.stringify({
    time: new Date().toISOString(),
    queueId,
    client: client.address,
    clientName: client.host,
    helo,
    user: auth?.user,
    sender,
    recipients,
    result,
    stage,
    text,
    changes: changesOf(message),
    size,
    rounds,
    ms: Math.round(duration * 10) / 10,
    error: message.error?.message,
  });
}

function changesOf({ modifications }: MessageOutcome): string[] {
  return modifications.map(({ kind }) => kind);
}
