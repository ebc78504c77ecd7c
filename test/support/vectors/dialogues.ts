import { hex } from './bytes.js';
import { COMMAND_VECTORS } from './command-vectors.js';
import { REPLY_VECTORS } from './reply-vectors.js';

/** One step of a dialogue: what the MTA says in one go, and what the filter says to that. Ids of vectors. */
export interface Step {
  readonly mta: readonly string[];
  readonly filter: readonly string[];
}

/** The bytes of the vectors with these ids, one after the other. */
export function frames(...ids: readonly string[]): Buffer {
  return Buffer.concat(
    ids.map((id) => {
      const vector = [...COMMAND_VECTORS, ...REPLY_VECTORS].find((candidate) => candidate.id === id);
      if (vector === undefined) throw new Error(`There is no vector ${id}.`);
      return hex(vector.frame);
    }),
  );
}

/** A session in lock-step with one message, then quit. */
export const LOCK_STEP: readonly Step[] = [
  { mta: ['C01'], filter: ['R01'] },
  { mta: ['C08', 'C03'], filter: ['R03'] },
  { mta: ['C34', 'C10'], filter: ['R03'] },
  { mta: ['C11', 'C12'], filter: ['R03'] },
  { mta: ['C16'], filter: ['R03'] },
  { mta: ['C18'], filter: ['R03'] },
  { mta: ['C20'], filter: ['R03'] },
  { mta: ['C24'], filter: ['R03'] },
  { mta: ['C25'], filter: ['R03'] },
  { mta: ['C26'], filter: ['R17', 'R22', 'R04'] },
  { mta: ['C28', 'C29'], filter: [] },
];

/** The same session where nothing but the end of the message is replied to. */
export const NO_REPLY: readonly Step[] = [
  { mta: ['C01'], filter: ['R34'] },
  {
    mta: ['C08', 'C03', 'C34', 'C10', 'C11', 'C12', 'C16', 'C18', 'C19', 'C24', 'C25', 'C26'],
    filter: ['R03'],
  },
];

/** What the MTA sends in the first three steps of `LOCK_STEP`, as one piece. */
export const LOCK_STEP_OPENING_MTA = hex(`
  0000000d4f00000006000001ff001fffff
  0000002544436a006d782e6578616d706c652e6f7267007b6461656d6f6e5f6e616d657d004d544100
  00000020436d61696c2e6578616d706c652e636f6d0034d4313139322e302e322e323500
  000000024448
  0000001448636c69656e742e6578616d706c652e636f6d00
`);

/** What the filter sends in the first three steps of `LOCK_STEP`. */
export const LOCK_STEP_OPENING_FILTER = hex('0000000d4f000000060000001100100500 0000000163 0000000163');
