import {
  fieldsOf,
  type Frame,
  MilterFrames,
  type PlainDelivery,
  type PlainMail,
  stringIn,
} from './milter-frames.js';

const CHUNK = 65_535;

const text = (value: string): Buffer => Buffer.from(`${value}\0`);

/**
 * Gives a message to a milter as maddy does, and makes of it what maddy would: a small offer, macros without braces, no
 * DATA; headers go on top, and all words to the client are its own.
 */
export async function deliverByMaddy(address: string, mail: PlainMail): Promise<PlainDelivery> {
  const milter = await MilterFrames.connect(address);
  const { sender = 'alice@src.example', recipients = ['bob@dst.example'], user } = mail;
  const message = Buffer.from(mail.message as string);
  const { fields, body } = fieldsOf(message);
  const over = (result: PlainDelivery['result'], reply: string): PlainDelivery => {
    milter.write('A');
    milter.write('Q');
    return { result, reply, sender, recipients, message: String(message) };
  };
  try {
    const offer = Buffer.alloc(12);
    for (const [at, value] of [6, 0x21, 0].entries()) offer.writeUInt32BE(value, 4 * at);
    milter.write('O', offer);
    const agreed = await milter.read();
    if (agreed.letter !== 'O' || agreed.data.length < 12) throw new Error('no answer to the negotiation');
    if ((agreed.data.readUInt32BE(4) & ~0x21) !== 0 || agreed.data.readUInt32BE(8) !== 0) {
      throw new Error('more was asked for than was offered');
    }
    const names = ['daemon_name', 'maddy', 'if_name', 'unknown', 'if_addr', '0.0.0.0'];
    milter.write('D', 'C', ...names.map(text));
    const login = user === undefined ? [] : ['auth_authen', user];
    const commands: readonly (readonly [string, ...(string | Uint8Array)[]])[] = [
      ['C', text('client.example'), '4', Buffer.from([0x9c, 0x40]), text('192.0.2.7')],
      ['H', text('client.example')],
      ['M', text(`<${sender}>`)],
      ...recipients.map((each): [string, Buffer] => ['R', text(`<${each}>`)]),
      ...fields.map(([name, rest]): [string, Buffer, Buffer] => ['L', text(name), text(rest.trim())]),
      ['N'],
      ...chunksOf(body).map((each): [string, Buffer] => ['B', each]),
    ];
    for (const [letter, ...data] of commands) {
      if (letter === 'M') milter.write('D', 'M', ...['i', 'm5x7q', ...login].map(text));
      milter.write(letter, ...data);
      const frame = await milter.read();
      if (frame.letter === 'a') return over('delivered', '250');
      const refusal = refusalIn(frame);
      if (refusal !== undefined) return over('refused', refusal);
    }
    milter.write('E');
    const header: string[] = [];
    let quarantined = false;
    for (;;) {
      const { letter, data } = await milter.read();
      if (letter === 'p') continue;
      // Each is put above all others, those before included.
      if (letter === 'h') header.unshift(fieldIn(data));
      else if (letter === 'i') header.unshift(fieldIn(data.subarray(4)));
      else if (letter === 'q') quarantined = true;
      else if ('+-2ebm'.includes(letter)) throw new Error(`a change that was not granted: ${letter}`);
      else {
        const refusal = refusalIn({ letter, data });
        if (refusal !== undefined) return over('refused', refusal);
        break;
      }
    }
    const done = over(quarantined ? 'quarantined' : 'delivered', '250');
    // Its own writer has CRLF at the end of every line.
    return { ...done, message: header.join('').replace(/\r?\n/g, '\r\n') + String(message) };
  } finally {
    milter.close();
  }
}

function chunksOf(body: Buffer): Buffer[] {
  const chunks: Buffer[] = [];
  for (let at = 0; at < body.length; at += CHUNK) chunks.push(body.subarray(at, at + CHUNK));
  return chunks;
}

function fieldIn(data: Buffer): string {
  const [name, rest] = stringIn(data);
  return `${name.toString()}: ${stringIn(rest)[0].toString()}\r\n`;
}

/** What maddy says to its client; nothing where the message goes on. */
function refusalIn({ letter, data }: Frame): string | undefined {
  const OWN = 'Message rejected due to local policy';
  if (letter === 'c' || letter === 'a') return undefined;
  if (letter === 'y') {
    const code = data.toString('latin1', 0, 3);
    if (!/^[45]\d\d$/.test(code) || data.length <= 4) throw new Error('a malformed code');
    return `${code} 5.7.1 ${OWN}`;
  }
  if (letter === 'd' || letter === 't') return `450 4.7.1 ${OWN}`;
  if (letter === 'r') return `550 5.7.1 ${OWN}`;
  throw new Error(`an unexpected frame: ${letter}`);
}
