import type { OperatorFunction } from 'rxjs';
import { serve, type Flow, type MilterServer, type ServeOptions } from 'rxmilter';
import { deliver, type ClientMail, type Delivery } from 'rxmilter/mta';
import { onTestFinished } from 'vitest';

/** Gives a running server a message; what is not said about it is ordinary. Stops the server at the end of the test. */
export function senderTo(
  server: Pick<MilterServer, 'address' | 'destroy'>,
): (mail?: Partial<ClientMail>) => Promise<Delivery> {
  onTestFinished(() => server.destroy());
  return (mail) =>
    deliver(
      {
        sender: 'alice@example.com',
        recipients: ['bob@example.org'],
        headers: [['Subject', 'hello']],
        body: 'Hello.\n',
        ...mail,
      },
      { to: server.address },
    );
}

/** Serves a filter for the time of the test; gives how to send it messages. */
export async function serving(
  filter: OperatorFunction<Flow, Flow>,
  options: Partial<ServeOptions> = {},
): Promise<(mail?: Partial<ClientMail>) => Promise<Delivery>> {
  return senderTo(await serve(filter, { ...options, listen: 'inet:0@127.0.0.1' }));
}

/** What became of each recipient, by address: the code and the text. */
export function repliesTo(delivery: Delivery): Record<string, string> {
  const told = delivery.steps.filter(({ command }) => command === 'rcpt');
  return Object.fromEntries(
    told.map(({ address = '', reply: { code, enhanced = '', lines } }) => [
      address,
      [code, enhanced, ...lines].join(' ').replace('  ', ' '),
    ]),
  );
}

/** The delivered headers beyond those of the MTA and the client, as lines. */
export function added({ headers }: Delivery): string[] {
  return headers
    .filter(({ name }) => name !== 'Received' && name !== 'Subject')
    .map(({ name, value }) => `${name}: ${value}`);
}
