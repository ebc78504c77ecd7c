import type { ConnectionOptions } from 'node:tls';

import {
  type Frame,
  fieldsOf,
  MilterFrames,
  type PlainDelivery,
  type PlainMail,
  stringIn,
  utf8,
} from './milter-frames.js';

const OFFER = [6, 0xff, 0x42];
const CHUNK = 65_535;

const text = (value: string): Buffer => Buffer.from(`${value}\0`);

/** The milter has said what is no answer that Stalwart lets a message go on with. */
class Refused extends Error {
  readonly delivery: Pick<PlainDelivery, 'result' | 'reply'>;

  constructor(delivery: Pick<PlainDelivery, 'result' | 'reply'>) {
    super(delivery.reply);
    this.delivery = delivery;
  }
}

/** A change that Stalwart has read. */
type Change =
  | { readonly kind: 'sender' | 'addRecipient' | 'deleteRecipient' | 'quarantine'; readonly value: string }
  | { readonly kind: 'body'; readonly value: Buffer }
  | {
      readonly kind: 'add' | 'insert' | 'change';
      readonly index: number;
      readonly name: string;
      readonly value: string;
    };

/**
 * Gives a message to a milter as Stalwart 0.16 does, and makes of it what Stalwart would: a connection of its own, every
 * event answered, the whole message as the body, and nothing but what it can read.
 *
 * @param offer version, rights and protocol
 * @param tls where it speaks TLS to the milter
 * @param chunk how many bytes of the body go into a frame
 * @throws Error where the milter says what is an invalid frame to it: then it defers the message
 */
export async function deliverByStalwart(
  address: string,
  mail: PlainMail,
  {
    offer = OFFER,
    chunk = CHUNK,
    tls,
  }: { readonly offer?: readonly number[]; readonly chunk?: number; readonly tls?: ConnectionOptions } = {},
): Promise<PlainDelivery> {
  const milter = await MilterFrames.connect(address, tls);
  const { sender = 'alice@src.example', recipients = ['bob@dst.example'], user } = mail;
  const message = Buffer.from(mail.message as string);
  const { fields, body } = fieldsOf(message);
  const ask = async (letter: string, ...data: readonly (string | Uint8Array)[]): Promise<void> => {
    milter.write(letter, ...data);
    goesOn(await milter.read());
  };
  try {
    milter.write('O', Buffer.concat(offer.map(uint32)));
    const agreed = await milter.read();
    if (agreed.letter !== 'O' || agreed.data.length < 12) throw new Error('no answer to the negotiation');
    // Whatever was offered.
    const protocol = agreed.data.readUInt32BE(8);
    const wants = (no: number): boolean => (protocol & no) === 0;
    const names = ['{daemon_name}', 'Stalwart v0.16.2', 'j', 'mx.example.org', '{client_addr}', '192.0.2.7'];
    milter.write('D', 'C', ...names.map(text));
    await ask('C', text('client.example'), '4', Buffer.from([0x9c, 0x40]), text('192.0.2.7'));
    if (wants(0x02)) {
      milter.write('D', 'H', text('{tls_version}'), text('TLSv1.3'), text('{cipher}'), text('AES'));
      await ask('H', text('client.example'));
    }
    const login = user === undefined ? [] : ['{auth_authen}', user];
    milter.write('D', 'M', ...['{mail_addr}', sender, ...login].map(text));
    await ask('M', text(`<${sender}>`));
    for (const recipient of recipients) {
      milter.write('D', 'R', text('{rcpt_addr}'), text(recipient));
      await ask('R', text(`<${recipient}>`));
    }
    if (wants(0x200)) await ask('T');
    // Also where no end of the header is wanted.
    for (const [name, rest] of fields) await ask('L', text(name), text(rest.trim()));
    await ask('N');
    if (!wants(0x10))
      return { result: 'delivered', reply: '250', sender, recipients, message: String(message) };
    for (let at = 0; at < message.length; at += chunk) await ask('B', message.subarray(at, at + chunk));
    milter.write('E');
    const changes: Change[] = [];
    for (;;) {
      const frame = await milter.read();
      if (frame.letter === 'p') continue;
      const change = changeIn(frame);
      if (change === undefined) {
        goesOn(frame);
        break;
      }
      changes.push(change);
    }
    milter.write('Q');
    return applied(changes, { fields, body, sender, recipients });
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return { ...error.delivery, sender, recipients, message: String(message) };
  } finally {
    milter.close();
  }
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** Stalwart takes an acceptance for no more than a continue. */
function goesOn({ letter, data }: Frame): void {
  switch (letter) {
    case 'c':
    case 'a':
      return;
    case 'd':
      throw new Refused({ result: 'discarded', reply: '250' });
    case 'r':
      throw new Refused({ result: 'refused', reply: '503 5.5.3 Message rejected' });
    case 't':
      throw new Refused({ result: 'refused', reply: '451 4.3.5 Unable to accept message at this time' });
    case 'y': {
      const [rest] = stringIn(data.subarray(4));
      const words = utf8(rest);
      throw new Refused({ result: 'refused', reply: `${data.toString('latin1', 0, 3)} ${words}` });
    }
    default:
      throw new Error(`an unexpected frame: ${letter}`);
  }
}

function changeIn({ letter, data }: Frame): Change | undefined {
  const two = (from: Buffer): [string, string] => {
    const [first, rest] = stringIn(from);
    return [utf8(first), utf8(stringIn(rest)[0])];
  };
  switch (letter) {
    case '+':
      return { kind: 'addRecipient', value: utf8(stringIn(data)[0]) };
    case '2':
      return { kind: 'addRecipient', value: two(data)[0] };
    case '-':
      return { kind: 'deleteRecipient', value: utf8(stringIn(data)[0]) };
    case 'e':
      return { kind: 'sender', value: two(data)[0] };
    case 'q':
      return { kind: 'quarantine', value: utf8(stringIn(data)[0]) };
    case 'b':
      return { kind: 'body', value: data };
    case 'h': {
      const [name, value] = two(data);
      return { kind: 'add', index: 0, name, value };
    }
    case 'i':
    case 'm': {
      const [name, value] = two(data.subarray(4));
      return { kind: letter === 'i' ? 'insert' : 'change', index: data.readUInt32BE(), name, value };
    }
    default:
      return undefined;
  }
}

interface Parts extends Pick<PlainDelivery, 'sender' | 'recipients'> {
  readonly fields: [string, string][];
  readonly body: Buffer;
}

const bare = (address: string): string =>
  address
    .trim()
    .replace(/^<(.*)>$/s, '$1')
    .trim();

/** Stalwart's header after one change after the other. */
function applied(changes: readonly Change[], parts: Parts): PlainDelivery {
  let { sender } = parts;
  let recipients = [...parts.recipients];
  const body: Buffer[] = [];
  const headers: { index: number; name: string; value: string; isChange: boolean }[] = [];
  let rewrites = false;
  let quarantined = false;
  const same = (one: string, other: string): boolean => one.toLowerCase() === other.toLowerCase();
  for (const change of changes) {
    if (change.kind === 'sender') sender = bare(change.value);
    else if (change.kind === 'addRecipient') {
      const added = bare(change.value);
      if (added.includes('@') && !recipients.includes(added)) recipients.push(added);
    } else if (change.kind === 'deleteRecipient') {
      const gone = bare(change.value);
      recipients = recipients.filter((each) => each.toLowerCase() !== gone);
    } else if (change.kind === 'body') body.push(change.value);
    else if (change.kind === 'quarantine') {
      quarantined = true;
      headers.push({ index: 0, name: 'X-Quarantine', value: change.value, isChange: false });
    } else if ('name' in change) {
      const { kind, name, value } = change;
      const isChange = kind === 'change' && (value === '' || parts.fields.some(([each]) => same(each, name)));
      if (isChange || kind === 'insert') rewrites = true;
      headers.push({
        index: kind === 'add' || (kind === 'change' && !isChange) ? 0 : change.index,
        name,
        value,
        isChange,
      });
    }
  }
  const fields = [...parts.fields];
  if (!rewrites) fields.unshift(...headers.map(({ name, value }): [string, string] => [name, ` ${value}`]));
  for (const { index, name, value, isChange } of rewrites ? headers : []) {
    const places = fields.flatMap(([each], at) => (same(each, name) ? [at] : []));
    if (isChange) {
      const at = places[index - 1];
      if (at === undefined) continue;
      if (value === '') fields.splice(at, 1);
      else fields[at] = [fields[at]?.[0] ?? name, ` ${value}`];
    } else {
      const at = index === 0 ? 0 : (places[index - 1] ?? places.at(-1) ?? 0);
      fields.splice(at, 0, [name, ` ${value}`]);
    }
  }
  const newBody = Buffer.concat(body);
  const header = fields.map(([name, rest]) => `${name}:${rest}\r\n`).join('');
  const content = newBody.length > 0 ? newBody : parts.body;
  return {
    result: quarantined ? 'quarantined' : 'delivered',
    reply: '250',
    sender,
    recipients,
    message: `${header}\r\n${content.toString('latin1')}`,
  };
}
