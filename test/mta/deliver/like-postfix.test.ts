import { expect, test } from 'vitest';
import { deliver, parseEml, type Delivery, type Path } from '../../../src/mta/index.js';
import { describePostfix } from '../support/describe-postfix.js';
import { maskReceived } from '../support/mask-received.js';
import { plainRecipients } from '../support/plain-recipients.js';
import { CHANGES, MESSAGE, MESSAGES, type Case } from './cases.js';

const SENDER = '<alice@src.example>';
const RECIPIENTS = ['<bob@dst.example>', '<cid@dst.example>'];

/** What came out at the other end. */
interface Received {
  readonly message: string;
  readonly sender: string;
  /** Sorted, since their order is that of delivery. */
  readonly recipients: readonly string[];
}

/** What `deliver()` makes of a case. */
async function simulated({
  filter,
  leadingSpace,
  ...rest
}: Case): Promise<Received & { delivery: Delivery }> {
  const { message = MESSAGE, sender = SENDER, recipients = RECIPIENTS } = rest;
  const delivery = await deliver(
    { sender: path(sender), recipients: recipients.map(path), ...parseEml(message) },
    {
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

/** What Postfix says of the body is its own; the other arguments have an order of its own. */
function plainSender(mail: string): string {
  return written(path(mail.replace(/ (?:SIZE=\d+|BODY=\w+|SMTPUTF8)/g, '')));
}

describePostfix('deliver() does what Postfix does', (bench) => {
  async function real({ filter, leadingSpace, ...rest }: Case): Promise<Received> {
    const { message = MESSAGE, sender = SENDER, recipients = RECIPIENTS } = rest;
    await bench().serve(filter(), leadingSpace === undefined ? {} : { leadingSpace });
    const client = await bench().greeted();
    expect(await client.deliver({ mail: sender, rcpts: recipients, data: message })).toMatch(/^250 /);
    const delivered = await bench().sink.next();
    return {
      message: maskReceived(delivered.data),
      sender: plainSender(delivered.mail),
      recipients: plainRecipients(delivered),
    };
  }

  test.each([...CHANGES, ...MESSAGES])('$name', async (one) => {
    const expected = await real(one);
    const { delivery, ...found } = await simulated(one);

    expect(found).toEqual(expected);
    expect(delivery).toMatchObject({ outcome: 'delivered', failure: undefined });
  });
});
