import type { OperatorFunction } from 'rxjs';
import type { Flow } from 'rxmilter';
import { deliver, type ClientMail, type Delivery } from 'rxmilter/mta';
import type { SimulateOptions } from 'rxmilter/testing';

/** A mail, ordinary but for what is said of it. */
export function mailOf(fields: Partial<ClientMail> = {}): ClientMail {
  return {
    sender: 'sender@example.org',
    recipients: ['rcpt@example.org'],
    headers: [['Subject', 'hello']],
    body: 'hello\n',
    ...fields,
  };
}

/** Has a filter see a mail, and fails where the conversation did. */
export async function give(
  filter: OperatorFunction<Flow, Flow>,
  fields: Partial<ClientMail> = {},
  options: SimulateOptions = {},
): Promise<Delivery> {
  const delivery = await deliver(mailOf(fields), { to: filter, ...options });
  if (delivery.failure !== undefined) throw delivery.failure;
  return delivery;
}

/** The values of a name in what is delivered. */
export function valuesIn({ headers }: Delivery, name: string): string[] {
  return headers.filter((field) => field.name === name).map(({ value }) => value);
}
