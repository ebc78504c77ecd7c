import { compose, observe, on, type Modification, type HeaderField } from 'rxmilter';
import { deliver, type MtaKind } from 'rxmilter/mta';
import { expect } from 'vitest';

import { headerField } from '../../../src/message/headers/header-field.js';
import { above, type Field } from './header-edits.js';

const BLANK = Buffer.from(' ');

/** The header that a message is delivered with, after a filter has seen it and changed it; the MTA's own field is `OWN`. */
export async function through(
  mta: MtaKind,
  original: readonly Field[],
  leadingSpace: boolean,
  changes: (shown: readonly HeaderField[]) => Modification[],
): Promise<string[]> {
  const shown: HeaderField[] = [];
  const { headers, failure, outcome } = await deliver(
    { sender: 'alice@src.example', recipients: ['b@example.org'], headers: original, body: 'x\n' },
    {
      mta,
      session: { leadingSpace },
      to: compose(
        observe('header', ({ name, raw }) => void shown.push(headerField(name, raw, leadingSpace))),
        on('eom', () => changes(shown)),
      ),
    },
  );
  expect([failure, outcome]).toEqual([undefined, 'delivered']);
  return headers.map(({ name, raw, value }) =>
    value.startsWith('from client.example.com') ? 'OWN' : line(name, raw),
  );
}

/** These fields as lines, and the MTA's own where it has to be among them. */
export function withOwn(fields: readonly HeaderField[], leadingSpace: boolean): string[] {
  const lines = fields.map(({ name, raw }) => line(name, leadingSpace ? raw : Buffer.concat([BLANK, raw])));
  lines.splice(above(fields), 0, 'OWN');
  return lines;
}

/** A field with one character for each byte. */
function line(name: string, afterColon: Uint8Array): string {
  return `${name}:${Buffer.from(afterColon).toString('latin1')}`;
}
