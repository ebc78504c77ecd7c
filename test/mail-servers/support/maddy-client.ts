import {
  fieldsOf,
  type Frame,
  MilterFrames,
  type PlainDelivery,
  type PlainMail,
  stringIn,
} from './milter-frames.js';

const CHUNK = 65_535;

const text = (value: string | Uint8Array): Buffer =>
  Buffer.concat([Buffer.from(value as string), Buffer.of(0)]);

/**
 * Gives a message to a milter as maddy does, and makes of it what maddy would: a small offer, macros without braces, no
 * DATA; headers go on top, and all words to the client are its own.
 *
 * @param lenient whether changes that it does not offer are passed over, as it does; otherwise they are an error of the test
 * @throws Error where the milter says what is an error to it: then it defers the message
 */
export async function deliverByMaddy(
  address: string,
  mail: PlainMail,
  lenient = false,
): Promise<PlainDelivery> {
  const milter = await MilterFrames.connect(address);
  const { sender = 'alice@src.example', user } = mail;
  const recipients = [...new Set(mail.recipients ?? ['bob@dst.example'])];
  const message = Buffer.from(mail.message as string);
  const { fields, body } = fieldsOf(message);
  let lastRefusal = '';
  let accepted: readonly string[] = recipients;
  /** Whether each answer before the end was a continue. */
  let goesOn = true;
  const over = (result: PlainDelivery['result'], reply: string): PlainDelivery => {
    if (goesOn) milter.write('A');
    milter.write('Q');
    return { result, reply, sender, recipients: accepted, message: message.toString('latin1') };
  };
  const answer = async (): Promise<Frame> => {
    for (;;) {
      const frame = await milter.read();
      if (frame.letter !== 'p') return frame;
    }
  };
  try {
    const offer = Buffer.alloc(12);
    for (const [at, value] of [6, 0x21, 0].entries()) offer.writeUInt32BE(value, 4 * at);
    milter.write('O', offer);
    const agreed = await milter.read();
    if (agreed.letter !== 'O' || agreed.data.length < 12) throw new Error('no answer to the negotiation');
    const protocol = agreed.data.readUInt32BE(8);
    // It does whatever the answer says; a filter of this library has to keep to the offer.
    if (!lenient && ((agreed.data.readUInt32BE(4) & ~0x21) !== 0 || protocol !== 0)) {
      throw new Error('more was asked for than was offered');
    }
    const login = user === undefined ? [] : ['auth_authen', user];
    const commands: readonly Command[] = [
      {
        letter: 'C',
        data: [text('client.example'), '4', Buffer.from([0x9c, 0x40]), text('192.0.2.7')],
        no: 0x01,
        silent: 0x1000,
        macros: ['daemon_name', 'maddy', 'if_name', 'unknown', 'if_addr', '0.0.0.0'],
      },
      { letter: 'H', data: [text('client.example')], no: 0x02, silent: 0x2000 },
      {
        letter: 'M',
        data: [text(`<${sender}>`)],
        no: 0x04,
        silent: 0x4000,
        macros: ['i', 'm5x7q', ...login],
      },
      ...recipients.map((each) => ({
        letter: 'R',
        data: [text(`<${each}>`)],
        no: 0x08,
        silent: 0x8000,
        recipient: each,
      })),
      ...fields.map(([name, rest]) => ({
        letter: 'L',
        data: [text(canonical(name)), text(unfolded(rest))],
        no: 0x20,
        silent: 0x80,
      })),
      { letter: 'N', data: [], no: 0x40, silent: 0x40000 },
      ...chunksOf(body).map((each) => ({ letter: 'B', data: [each], no: 0x10, silent: 0x80000 })),
    ];
    for (const { letter, data, no, silent, macros, recipient } of commands) {
      if (accepted.length === 0 && letter !== 'R') return over('refused', lastRefusal);
      if ((protocol & no) !== 0) continue;
      if (macros !== undefined) milter.write('D', letter, ...macros.map(text));
      milter.write(letter, ...data);
      if ((protocol & silent) !== 0) continue;
      const frame = await answer();
      goesOn &&= frame.letter === 'c';
      if (frame.letter === 'a') return over('delivered', '250');
      const refusal = refusalIn(frame);
      if (refusal === undefined) continue;
      if (recipient === undefined) return over('refused', refusal);
      lastRefusal = refusal;
      accepted = accepted.filter((each) => each !== recipient);
    }
    if (accepted.length === 0) return over('refused', lastRefusal);
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
      else if ('+-ebm'.includes(letter)) {
        // It writes a complaint to its log.
        if (!lenient) throw new Error(`a change that was not granted: ${letter}`);
      } else {
        const refusal = refusalIn({ letter, data });
        if (refusal !== undefined) return over('refused', refusal);
        break;
      }
    }
    const done = over(quarantined ? 'quarantined' : 'delivered', '250');
    // Its own writer has CRLF at the end of every line.
    return { ...done, message: header.join('').replace(/\r?\n/g, '\r\n') + done.message };
  } finally {
    milter.close();
  }
}

/** A command, the flags on which it is left out or not answered, and the macros before it. */
interface Command {
  readonly letter: string;
  readonly data: readonly (string | Uint8Array)[];
  readonly no: number;
  readonly silent: number;
  readonly macros?: readonly string[];
  readonly recipient?: string;
}

/** The name of a field as Go's net/textproto has it. */
function canonical(name: string): string {
  if (/[^\w!#$%&'*+.^`|~-]/.test(name)) return name;
  return name
    .trim()
    .split('-')
    .map((part) => part.charAt(0).toUpperCase() + part.slice(1).toLowerCase())
    .join('-');
}

/** The value of a field as go-message has it: its lines without the blanks around them, joined by one. */
function unfolded(rest: string): Buffer {
  const lines = rest.split('\r\n').map((line) => line.trim());
  return Buffer.from(lines.filter((line) => line !== '').join(' '), 'latin1');
}

function chunksOf(body: Buffer): Buffer[] {
  const chunks: Buffer[] = [];
  for (let at = 0; at < body.length; at += CHUNK) chunks.push(body.subarray(at, at + CHUNK));
  return chunks;
}

function fieldIn(data: Buffer): string {
  const [name, rest] = stringIn(data);
  return `${name.toString('latin1')}: ${stringIn(rest)[0].toString('latin1')}\r\n`;
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
