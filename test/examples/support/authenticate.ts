import { deliver, type Delivery, formatReply, type ClientMail, type MtaKind } from 'rxmilter/mta';
import { expect } from 'vitest';

import { filterWith } from '../../../examples/authentication-results.mjs';
import { dnsTable, type DnsName } from './dns-table.js';
import { readResults, type AuthResult } from './read-results.js';

export const AUTHSERV_ID = 'mx.example.org';

export interface Authenticated extends Delivery {
  /** All fields Authentication-Results that are delivered, as text. */
  readonly fields: readonly string[];
  /** What the topmost says, where it is ours. */
  readonly results: readonly AuthResult[];
  /** The results of a method: `['pass']`. */
  of(method: string): string[];
  readonly text: string;
}

type Options = Parameters<typeof filterWith>[0];

/** Gives the filter of the example a message as an MTA would. */
export async function authenticate(
  mail: Partial<ClientMail>,
  dns: Readonly<Record<string, DnsName>>,
  options: Options & { readonly mta?: MtaKind; readonly leadingSpace?: boolean } = {},
): Promise<Authenticated> {
  const { mta, leadingSpace = true, ...given } = options;
  const filter = filterWith({ authservId: AUTHSERV_ID, resolver: dnsTable(dns), ...given });
  const errors: unknown[] = [];
  const delivery = await deliver(
    {
      sender: 'alice@author.example',
      recipients: ['bob@example.org'],
      headers: [['From', 'Alice <alice@author.example>']],
      body: 'Hello\n',
      ...mail,
    },
    {
      to: filter,
      session: { leadingSpace },
      outcome: ({ error }) => {
        if (error !== undefined) errors.push(error);
      },
      ...(mta === undefined ? {} : { mta }),
    },
  );
  expect(errors).toEqual([]);
  expect(delivery.failure).toBeUndefined();
  const fields = delivery.headers
    .filter(({ name }) => name === 'Authentication-Results')
    .map(({ value }) => value);
  const first = fields[0] === undefined ? undefined : readResults(fields[0].replace(/\n/g, ''));
  const results = first?.authservId === AUTHSERV_ID ? first.results : [];
  return {
    ...delivery,
    fields,
    results,
    of: (method) => results.filter((one) => one.method === method).map(({ result }) => result),
    text: formatReply(delivery.reply),
  };
}
