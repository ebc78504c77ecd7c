import type { HeaderField } from '../headers/header-field.js';

/** Two fields, one of each header, by their numbers from 0: the one becomes the other. */
export interface Pair {
  readonly from: number;
  readonly to: number;
}

/** What becomes of what. */
export interface Alignment {
  /** How many fields at the beginning of both are equal. */
  readonly head: number;
  /** How many are at the end. */
  readonly tail: number;
  /** The pairs in between, in order. */
  readonly pairs: readonly Pair[];
}

/** What is compared of a header: numbers instead of names and values, which are the same where those are. */
interface Marks {
  readonly name: Int32Array;
  readonly whole: Int32Array;
  /** Whether a field may be had by changing the value of another. */
  readonly writable: Uint8Array;
}

/** An insertion, a deletion, a change. */
const EDIT = 65_536;
/** What a change costs beyond that: of two ways with equally many edits, the one that keeps more fields is taken. */
const TIE = 1;
/** So much memory (in bytes) a comparison may take, and so many steps each attempt. */
const MOST_CELLS = 4_000_000;

/** So many fields that were changed are looked for one by one. */
const FEW = 8;

const PAIR = 0;
const DELETE = 1;
const INSERT = 2;
const NOTHING = Buffer.alloc(0);
const NO_PAIRS: readonly Pair[] = Object.freeze([]);

/**
 * Pairs the fields of one header with those of another so that the fewest edits lead from the one to the other: a pair of
 * equal fields costs none, a pair with the same name (in the same spelling) a change, every field without partner a
 * deletion or an insertion.
 *
 * Both ends that are equal are cut off; the rest is compared within a band around the diagonal, which is widened until no
 * way outside of it could be shorter. So the work is about the number of fields times the number of edits. Where that
 * would be more than 4 million steps, what the widest band has found is taken, which may be more edits than the fewest.
 *
 * @param writable whether a field may be had by changing another's value
 */
export function alignFields(
  from: readonly HeaderField[],
  to: readonly HeaderField[],
  writable: (field: HeaderField) => boolean,
): Alignment {
  const shorter = Math.min(from.length, to.length);
  let head = 0;
  while (head < shorter && isSame(from[head], to[head])) head++;
  let tail = 0;
  while (tail < shorter - head && isSame(from[from.length - 1 - tail], to[to.length - 1 - tail])) tail++;

  // Where fields were only added, or only deleted, nothing is left on one side.
  if (shorter === head + tail) return { head, tail, pairs: NO_PAIRS };
  const inPlace = changedInPlace(from, to, { head, tail }, writable);
  if (inPlace !== undefined) return { head, tail, pairs: inPlace };
  const mark = marker(writable);
  const middle = alignMarks(
    mark(from.slice(head, from.length - tail)),
    mark(to.slice(head, to.length - tail)),
  );
  return { head, tail, pairs: middle.map((pair) => ({ from: pair.from + head, to: pair.to + head })) };
}

/**
 * The pairs where a few values were changed in their places and fields were added below, as most filters do. They are the
 * best there are where no changed field stands in the new header as it was: then each of them costs an edit of its own.
 */
function changedInPlace(
  from: readonly HeaderField[],
  to: readonly HeaderField[],
  { head, tail }: Omit<Alignment, 'pairs'>,
  writable: (field: HeaderField) => boolean,
): Pair[] | undefined {
  if (from.length > to.length) return undefined;
  const pairs: Pair[] = [];
  let changed = 0;
  for (let at = head; at < from.length - tail; at++) {
    const [old, wanted] = [from[at], to[at]];
    if (wanted === undefined) return undefined;
    if (!isSame(old, wanted)) {
      if (old?.name !== wanted.name || !writable(wanted) || ++changed > FEW) return undefined;
      if (to.some((field) => isSame(field, old))) return undefined;
    }
    pairs.push({ from: at, to: at });
  }
  return pairs;
}

export function isSame(one: HeaderField | undefined, other: HeaderField | undefined): boolean {
  if (one === other) return true;
  if (one?.name !== other?.name || one?.raw.length !== other?.raw.length) return false;
  return Buffer.compare(one?.raw ?? NOTHING, other?.raw ?? NOTHING) === 0;
}

function marker(writable: (field: HeaderField) => boolean): (fields: readonly HeaderField[]) => Marks {
  const numbers = new Map<string, number>();
  const numberOf = (text: string): number => {
    const number = numbers.get(text) ?? numbers.size;
    numbers.set(text, number);
    return number;
  };
  return (fields) => ({
    name: Int32Array.from(fields, ({ name }) => numberOf(name)),
    // No name has a colon.
    whole: Int32Array.from(fields, ({ name, raw }) =>
      numberOf(`${name}:${Buffer.from(raw.buffer, raw.byteOffset, raw.length).toString('latin1')}`),
    ),
    writable: Uint8Array.from(fields, (field) => Number(writable(field))),
  });
}

function alignMarks(from: Marks, to: Marks): Pair[] {
  const rows = from.name.length;
  const columns = to.name.length;
  const more = Math.abs(columns - rows);
  let best: ReturnType<typeof compareWithin> | undefined;
  for (let slack = 2; ; slack *= 4) {
    if ((rows + 1) * (more + 2 * Math.min(slack, rows + columns) + 1) > MOST_CELLS) break;
    best = compareWithin(from, to, slack);
    // A way that leaves the band has this many insertions and deletions at least.
    if (best.cost < (more + 2 * (slack + 1)) * EDIT || slack >= Math.min(rows, columns)) break;
  }
  return best?.pairs() ?? [];
}

/** The best way from one header to another that is nowhere farther from the diagonal than `slack`. */
function compareWithin(from: Marks, to: Marks, slack: number): { readonly cost: number; pairs(): Pair[] } {
  const rows = from.name.length;
  const columns = to.name.length;
  const lowest = Math.min(0, columns - rows) - slack;
  const width = Math.abs(columns - rows) + 2 * slack + 1;
  /** How each place is best come to. */
  const steps = new Uint8Array((rows + 1) * width);
  // Row after row, in place: what is not yet overwritten belongs to the row above.
  const row = new Float64Array(width + 1).fill(Infinity);
  const costAt = (at: number): number => row[at] ?? Infinity;
  for (let down = 0; down <= rows; down++) {
    for (let at = 0; at < width; at++) {
      const across = down + lowest + at;
      if (across < 0 || across > columns || down + across === 0) {
        row[at] = down + across === 0 ? 0 : Infinity;
        continue;
      }
      const isEdge = down === 0 || across === 0;
      const paired = isEdge ? Infinity : costAt(at) + costOfPair(from, to, down - 1, across - 1);
      const deleted = costAt(at + 1) + EDIT;
      const inserted = at === 0 ? Infinity : costAt(at - 1) + EDIT;
      const least = Math.min(paired, deleted, inserted);
      row[at] = least;
      steps[down * width + at] = least === paired ? PAIR : least === deleted ? DELETE : INSERT;
    }
  }
  return { cost: costAt(columns - rows - lowest), pairs: () => pairsOn(steps, rows, columns, width, lowest) };
}

/** The pairs on the best way, found from its end. */
function pairsOn(steps: Uint8Array, rows: number, columns: number, width: number, lowest: number): Pair[] {
  const pairs: Pair[] = [];
  let [down, across] = [rows, columns];
  while (down > 0 || across > 0) {
    const step = steps[down * width + across - down - lowest];
    if (step !== INSERT) down--;
    if (step !== DELETE) across--;
    if (step === PAIR) pairs.push({ from: down, to: across });
  }
  return pairs.reverse();
}

function costOfPair(from: Marks, to: Marks, one: number, other: number): number {
  if (from.whole[one] === to.whole[other]) return 0;
  return from.name[one] === to.name[other] && to.writable[other] === 1 ? EDIT + TIE : Infinity;
}
