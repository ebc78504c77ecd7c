import type { OperatorFunction } from 'rxjs';
import type { Flow } from 'rxmilter';
import { type ClientMail, type Delivery, deliver } from 'rxmilter/mta';
import { type RecordOptions, record, type RecordedSession, readRecording } from 'rxmilter/recording';

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
