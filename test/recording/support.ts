import type { OperatorFunction } from 'rxjs';

import { deliver, type ClientMail, type Delivery } from '../../src/mta/index.js';
import { readRecording } from '../../src/recording/read-recording.js';
import { record, type RecordOptions } from '../../src/recording/record.js';
import type { RecordedSession } from '../../src/recording/recording.js';
import type { Flow } from '../../src/session/flow.js';

/** A message of no interest. */
export const MAIL: ClientMail = {
  sender: 'alice@example.com',
  recipients: ['bob@example.org', 'nobody@example.org'],
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
