import type { Transaction } from './sink-session.js';

/**
 * The recipients that reached the sink, sorted, without the `ORCPT` that Postfix makes up for those that have none.
 *
 * What a filter has asked for (`NOTIFY`) stays.
 */
export function plainRecipients({ rcpts }: Transaction): string[] {
  return rcpts.map((rcpt) => rcpt.replace(/ ORCPT=\S+/, '')).sort();
}
