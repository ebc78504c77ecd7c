import { isUtf8 } from 'node:buffer';
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
const PORT = Buffer.from([0x9c, 0x40]);

/** The macros that come with a command whatever the message. */
const MACROS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  C: {
    '{daemon_name}': 'Stalwart v0.16.2',
    j: 'mx.example.org',
    '{client_addr}': '192.0.2.7',
    '{client_port}': '40000',
    '{client_ptr}': 'client.example',
  },
  H: { '{cipher}': '', '{tls_version}': '' },
  M: {},
  R: {},
};

const text = (value: string): Buffer => Buffer.from(`${value}\0`);

const LATER = '451 4.3.5 Unable to accept message at this time.';

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
  const { sender = 'alice@src.example', user } = mail;
  // Of two spellings the first is kept.
  const recipients = (mail.recipients ?? ['bob@dst.example']).filter(
    (one, at, all) => all.findIndex((each) => each.toLowerCase() === one.toLowerCase()) === at,
  );
  const message = Buffer.from(mail.message as string);
  const { fields, body } = fieldsOf(message);
  try {
    milter.write('O', Buffer.concat(offer.map(uint32)));
    const agreed = await milter.read();
    if (agreed.letter !== 'O' || agreed.data.length < 12) throw new Error('no answer to the negotiation');
    // Whatever was offered.
    const protocol = agreed.data.readUInt32BE(8);
    const wants = (no: number): boolean => no === 0 || (protocol & no) === 0;
    const ask = async (
      { no = 0, silent = 0 }: { readonly no?: number; readonly silent?: number },
      letter: string,
      ...data: readonly (string | Uint8Array)[]
    ): Promise<void> => {
      if (!wants(no)) return;
      const { [letter]: macros } = MACROS;
      const named = macros === undefined ? undefined : Object.entries({ ...macros, ...own }).flat();
      own = {};
      if (named !== undefined) milter.write('D', letter, ...named.map(text));
      milter.write(letter, ...data);
      if (wants(silent)) goesOn(await milter.read());
    };
    let own: Record<string, string> = {};
    await ask({ no: 0x01, silent: 0x1000 }, 'C', text('client.example'), '4', PORT, text('192.0.2.7'));
    await ask({ no: 0x02, silent: 0x2000 }, 'H', text('client.example'));
    const from = sender.toLowerCase();
    own = { '{mail_addr}': from, ...(user !== undefined && { '{auth_authen}': user }) };
    await ask({ no: 0x04, silent: 0x4000 }, 'M', text(`<${from}>`));
    for (const recipient of recipients.map((one) => one.toLowerCase())) {
      own = { '{rcpt_addr}': recipient };
      await ask({ no: 0x08, silent: 0x8000 }, 'R', text(`<${recipient}>`));
    }
    await ask({ no: 0x200, silent: 0x10000 }, 'T');
    for (const [name, rest] of fields) {
      const value = Buffer.from(rest, 'latin1');
      const shown = isUtf8(value) ? value.toString().trim() : '';
      await ask({ no: 0x20, silent: 0x80 }, 'L', text(name.trim()), text(shown));
    }
    // Also where no end of the header is wanted.
    await ask({ no: 0x20, silent: 0x40000 }, 'N');
    if (!wants(0x10)) {
      milter.write('Q');
      return { result: 'delivered', reply: '250', sender, recipients, message: message.toString('latin1') };
    }
    for (let at = 0; at < message.length; at += chunk) {
      milter.write('B', message.subarray(at, at + chunk));
      if (!wants(0x80000)) continue;
      const frame = await milter.read();
      if (frame.letter === 's') break;
      goesOn(frame);
    }
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
    return { ...error.delivery, sender, recipients, message: message.toString('latin1') };
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
      throw new Refused({ result: 'discarded', reply: '250 2.0.0 Message queued for delivery.' });
    case 'r':
      throw new Refused({ result: 'refused', reply: '503 5.5.3 Message rejected.' });
    case 't':
      throw new Refused({ result: 'refused', reply: LATER });
    case 'y': {
      const [rest] = stringIn(data.subarray(4));
      // What follows on the first line the client takes for the reply to its next command.
      const [words] = utf8(rest).split('\r\n');
      throw new Refused({ result: 'refused', reply: `${data.toString('latin1', 0, 3)} ${words ?? ''}` });
    }
    case '4':
      throw new Refused({ result: 'refused', reply: '421 4.3.0 Server shutting down.' });
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

/** A rewritten header has a blank behind a colon where there is no white space. */
function behindColon(value: string): string {
  return /^\s/.test(value) ? value : ` ${value}`;
}

/** Stalwart's header after one change after the other. */
function applied(changes: readonly Change[], parts: Parts): PlainDelivery {
  let { sender } = parts;
  let recipients = [...parts.recipients];
  const body: Buffer[] = [];
  const headers: { index: number; name: string; value: string; isChange: boolean }[] = [];
  let rewrites = false;
  const same = (one: string, other: string): boolean => one.toLowerCase() === other.toLowerCase();
  for (const change of changes) {
    if (change.kind === 'sender') sender = bare(change.value);
    else if (change.kind === 'addRecipient') {
      const added = bare(change.value);
      if (added.includes('@') && !recipients.some((each) => same(each, added))) recipients.push(added);
    } else if (change.kind === 'deleteRecipient') {
      const gone = bare(change.value);
      recipients = recipients.filter((each) => each.toLowerCase() !== gone);
    } else if (change.kind === 'body') body.push(change.value);
    else if (change.kind === 'quarantine') {
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
      else fields[at] = [fields[at]?.[0] ?? name, behindColon(value)];
    } else {
      const at = index === 0 ? 0 : (places[index - 1] ?? places.at(-1) ?? 0);
      fields.splice(at, 0, [name, behindColon(value)]);
    }
  }
  const newBody = Buffer.concat(body);
  const header = fields.map(([name, rest]) => `${name}:${rest}\r\n`).join('');
  const content = newBody.length > 0 ? newBody : parts.body;
  return {
    result: 'delivered',
    reply: '250',
    sender,
    recipients,
    message: `${header}\r\n${content.toString('latin1')}`,
  };
}
