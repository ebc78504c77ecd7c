import type { serve } from 'rxmilter';
import { deliver, parseEml, type Delivery, type MtaKind, type Path } from 'rxmilter/mta';
import { expect, test } from 'vitest';

import { maskReceived } from '../support/mask-received.js';
import { plainRecipients } from '../support/plain-recipients.js';
import type { SmtpSink } from '../support/sink.js';
import type { SmtpClient } from '../support/smtp-client.js';
import { CHANGES, MESSAGE, MESSAGES, type Case } from './cases.js';

/** What a bench has to have for a comparison, whichever MTA is on it. */
interface Bench {
  readonly sink: SmtpSink;
  serve(filter: Parameters<typeof serve>[0], options: { leadingSpace?: boolean }): Promise<unknown>;
  greeted(): Promise<SmtpClient>;
}

/** What came out at the other end. */
interface Outcome {
  /** One character for each byte. */
  readonly message: string;
  readonly sender: string;
  /** Sorted, since their order is that of delivery. */
  readonly recipients: readonly string[];
}

const SENDER = '<alice@src.example>';
const RECIPIENTS = ['<bob@dst.example>', '<cid@dst.example>'];

/** Tests that `deliver()` makes of each case what the MTA on the bench makes of it, byte for byte. */
export function likeTheMta(bench: () => Bench, mta: MtaKind): void {
  const cases = [...CHANGES, ...MESSAGES].filter(({ not }) => not !== mta);

  test.each(cases)('$name', async (one) => {
    const expected = await real(bench(), one);
    const { delivery, ...found } = await simulated(mta, one);

    expect(found).toEqual(expected);
    expect(delivery).toMatchObject({ outcome: 'delivered', failure: undefined });
  });
}

async function real(bench: Bench, { filter, leadingSpace, ...rest }: Case): Promise<Outcome> {
  const { message = MESSAGE, sender = SENDER, recipients = RECIPIENTS } = rest;
  await bench.serve(filter(), leadingSpace === undefined ? {} : { leadingSpace });
  const client = await bench.greeted();
  expect(await client.deliver({ mail: sender, rcpts: recipients, data: message })).toMatch(/^250 /);
  const delivered = await bench.sink.next();
  return {
    message: maskReceived(delivered.data),
    sender: plainSender(delivered.mail),
    recipients: plainRecipients(delivered),
  };
}

async function simulated(
  mta: MtaKind,
  { filter, leadingSpace, ...rest }: Case,
): Promise<Outcome & { delivery: Delivery }> {
  const { message = MESSAGE, sender = SENDER, recipients = RECIPIENTS } = rest;
  const delivery = await deliver(
    { sender: path(sender), recipients: recipients.map(path), ...parseEml(message) },
    {
      mta,
      to: filter(),
      hostname: 'mx.test.example',
      session: leadingSpace === undefined ? {} : { leadingSpace },
    },
  );
  return {
    delivery,
    message: maskReceived(delivery.message),
    sender: written(delivery.sender),
    recipients: delivery.recipients.map(written).sort(),
  };
}

/** A line of SMTP as an address with arguments. */
function path(line: string): Required<Path> {
  const [, address = '', args = ''] = /^<(.*?)>\s*(.*)$/.exec(line) ?? [];
  return { address, args: args.split(' ').filter((arg) => arg !== '') };
}

function written({ address, args }: Required<Path>): string {
  return [`<${address}>`, ...[...args].sort()].join(' ');
}

/** What an MTA says of the body is its own; the other arguments have an order of its own. */
function plainSender(mail: string): string {
  return written(path(mail.replace(/ (?:SIZE=\d+|BODY=\w+|SMTPUTF8)/g, '')));
}
