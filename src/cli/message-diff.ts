import { dotted } from '../common/printable.js';
import type { Delivery } from '../mta/simulate/delivery.js';
import type { EmlParts } from '../mta/simulate/parse-eml.js';
import { decodeText } from '../transport/wire/text.js';
import { unifiedDiff } from './unified-diff.js';

/**
 * What a milter has changed in a message, as the lines of a unified diff. The field that the mail server itself puts on
 * top stands in neither.
 */
export function messageDiff({ headers, body }: EmlParts, delivery: Delivery): string[] {
  const ours = delivery.headers.find(({ name, value }) => name === 'Received' && OURS.test(value));
  const after = delivery.headers.filter((field) => field !== ours);
  const lines = unifiedDiff(
    textOf(
      headers.map(([name, , raw]) => [name, raw]),
      body,
    ),
    textOf(
      after.map(({ name, raw }) => [name, raw]),
      delivery.body,
    ),
    ['before', 'after'],
  );
  return lines.length === 0 ? ['(none)'] : lines;
}

const OURS = /\bby mta\.example\.org with ESMTP\w* id /;

function textOf(headers: readonly (readonly [string, Buffer])[], body: Buffer): string {
  const fields = headers.map(([name, value]) => `${name}:${decodeText(value, 0, value.length)}\n`);
  const text = `${fields.join('')}\n${decodeText(body, 0, body.length)}`;
  return dotted(text.replaceAll('\r\n', '\n'));
}
