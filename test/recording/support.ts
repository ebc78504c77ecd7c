import type { OperatorFunction } from 'rxjs';

import { type ClientMail, type Delivery, deliver } from '../../src/mta/index.js';
import { type RecordOptions, record } from '../../src/recording/record.js';
import { type RecordedSession, readRecording } from '../../src/recording/recording.js';
import type { Flow } from '../../src/session/flow.js';

/** A message of no interest. */
export const MAIL: ClientMail = {
  sender: 'alice@example.com',
  recipients: ['bob@example.org', 'mallory@example.org'],
  headers: [
    ['From', 'Alice <alice@example.com>'],
    ['Subject', 'caf\xe9'],
  ],
  body: 'Hello.\n',
};

/** What is recorded while a filter is given a message. */
export async function recorded(
  filter: OperatorFunction<Flow, Flow>,
  mail: Partial<ClientMail> = {},
  options: RecordOptions = {},
): Promise<{ text: string; session: RecordedSession; delivery: Delivery }> {
  const lines: string[] = [];
  const trace = record((line) => lines.push(line), options);
  const delivery = await deliver({ ...MAIL, ...mail }, { to: filter, session: { trace } });
  const text = lines.join('');
  const [session = { id: '', frames: [] }] = readRecording(text).sessions;
  return { text, session, delivery };
}
