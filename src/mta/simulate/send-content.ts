import { decodeText } from '../../transport/wire/text.js';
import type { MtaEvent } from '../client/agenda.js';
import type { Answer } from '../client/answer.js';
import type { Draft } from './draft.js';

/**
 * Shows a milter the header and the body of a message, up to where it has decided; returns its last word.
 *
 * @param chunk the most that fits into a body frame
 * @param ask called for each event
 */
export async function sendContent(
  draft: Draft,
  chunk: number,
  ask: (event: MtaEvent) => Promise<Answer>,
): Promise<Answer> {
  for (const { name, raw } of draft.headers.shown()) {
    const answer = await ask({ type: 'header', name, value: decodeText(raw, 0, raw.length), raw });
    if (answer.verdict.kind !== 'continue') return answer;
  }
  const afterHeader = await ask({ type: 'eoh' });
  if (afterHeader.verdict.kind !== 'continue') return afterHeader;
  for (let at = 0; at < draft.body.length; at += chunk) {
    const answer = await ask({ type: 'body', data: draft.body.subarray(at, at + chunk) });
    if (answer.verdict.kind === 'skip') break;
    if (answer.verdict.kind !== 'continue') return answer;
  }
  return ask({ type: 'eom', data: Buffer.alloc(0) });
}
