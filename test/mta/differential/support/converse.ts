import { Etiquette } from './etiquette.js';
import { frame, shown, u32, type Frame } from './frames.js';
import { normalForm } from './normal-form.js';
import { PROBE, type Asked, type Step } from './steps.js';
import { Wire } from './wire.js';

/** What an MTA offers at negotiation. */
export interface Offer {
  readonly version: number;
  readonly actions: number;
  readonly protocol: number;
}

/** All that a current MTA offers. */
export const OFFER: Offer = { version: 6, actions: 0x1ff, protocol: 0x1fffff };

/** A command by its kind, and the replies to it. */
export type Heard = readonly [said: string, ...replies: string[]];

export interface Manner {
  readonly offer?: Offer;
  /** Leaves out what a mail server would not say any more after the replies that it got. */
  readonly polite?: boolean;
  /** Leaves the order of modifications as it is. */
  readonly literal?: boolean;
}

/** Per event the flags under which it is not sent, and under which it gets no reply. */
const FLAGS: Readonly<Record<Asked, readonly [off: number, silent: number]>> = {
  connect: [0x1, 0x1000],
  helo: [0x2, 0x2000],
  mail: [0x4, 0x4000],
  rcpt: [0x8, 0x8000],
  data: [0x200, 0x10000],
  header: [0x20, 0x80],
  eoh: [0x40, 0x40000],
  body: [0x10, 0x80000],
  eom: [0, 0],
  unknown: [0x100, 0x20000],
};
const NOUNKNOWN = 0x100;
const NODATA = 0x200;
const FINAL = 'cartdys4f';

/**
 * Says all of it to a filter, step by step, and gives what it answered, the answer to the negotiation first. A frame
 * that nobody asked for shows among the replies to the next command.
 */
export async function converse(
  path: string,
  steps: readonly Step[],
  { offer = OFFER, polite = false, literal = false }: Manner = {},
): Promise<Heard[]> {
  const wire = await Wire.open(path);
  const heard: Heard[] = [];
  const etiquette = new Etiquette();
  try {
    wire.send(frame('O', u32(offer.version), u32(offer.actions), u32(offer.protocol)));
    const answer = await wire.next('the answer to the negotiation');
    if (answer === undefined) return [['optneg', 'closed']];
    heard.push(['optneg', shown(answer)]);
    const protocol = answer.data.readUInt32BE(8) | unsaid(answer.data.readUInt32BE(0));
    etiquette.asksAtData = (protocol & NODATA) === 0;
    for (const step of steps) {
      const { kind } = step;
      if (polite && !etiquette.allows(kind)) continue;
      const [off, silent] = kind in FLAGS ? FLAGS[kind as Asked] : [0, -1];
      if ((protocol & off) !== 0) {
        etiquette.heard(kind, undefined);
        continue;
      }
      wire.send(step.bytes);
      if (kind === 'probe') {
        heard.push([kind, ...(await toTheProbe(wire))]);
        continue;
      }
      if (kind === 'quit') break;
      const replies = silent === -1 || (protocol & silent) !== 0 ? [] : await answers(wire, kind, heard);
      if (polite) etiquette.heard(kind, replies.at(-1));
      const lines = literal ? replies.map(shown) : normalForm(replies).map(shown);
      if (silent !== -1) heard.push([kind, ...lines]);
      if (replies.at(-1) === undefined && silent === 0) break;
    }
    if (steps.at(-1)?.kind === 'quit') heard.push(['quit', ...(await toTheEnd(wire))]);
    return heard;
  } finally {
    wire.close();
  }
}

/** The flags of the commands that a version does not have. */
function unsaid(version: number): number {
  return (version < 3 ? NOUNKNOWN : 0) | (version < 4 ? NODATA : 0);
}

async function answers(wire: Wire, kind: string, heard: readonly Heard[]): Promise<Frame[]> {
  const replies: Frame[] = [];
  for (;;) {
    const reply = await wire.next(`a reply to ${kind}, after ${JSON.stringify(heard)}`);
    if (reply === undefined) return [...replies, { letter: 'closed', data: Buffer.alloc(0) }];
    replies.push(reply);
    if (FINAL.includes(reply.letter)) return replies;
  }
}

async function toTheProbe(wire: Wire): Promise<string[]> {
  const frames: string[] = [];
  for (;;) {
    const frame = await wire.next('the reply to the probe');
    frames.push(frame === undefined ? 'closed' : shown(frame));
    if (frame === undefined || frame.data.includes(PROBE)) return frames;
  }
}

async function toTheEnd(wire: Wire): Promise<string[]> {
  const frames: string[] = [];
  for (;;) {
    const frame = await wire.next('the end of the connection after QUIT');
    if (frame === undefined) return [...frames, 'closed'];
    frames.push(shown(frame));
  }
}
