import { shown, type Frame } from './frames.js';

/**
 * Puts the modifications before a final reply in an order of their own: whatever two filters send that differs only in
 * the order of frames which do not touch each other comes out the same. Of the frames that may come next the first by
 * its bytes does; a frame may come next where it is independent of all that were sent before it.
 *
 * Before a refusal and before DISCARD there are none: a message that nobody gets is not changed. Where a changed sender has
 * no arguments, an empty string of them makes no difference.
 */
export function normalForm(replies: readonly Frame[]): Frame[] {
  const final = replies.slice(-1);
  const left = final.some(({ letter }) => 'rtyd'.includes(letter))
    ? []
    : replies.slice(0, -1).map(withoutEmptyArguments);
  const sorted: Frame[] = [];
  while (left.length > 0) {
    const free = left.filter((frame, at) => left.slice(0, at).every((before) => independent(before, frame)));
    const [first] = free.sort((one, other) => (shown(one) < shown(other) ? -1 : 1));
    if (first === undefined) break;
    left.splice(left.indexOf(first), 1);
    sorted.push(first);
  }
  return [...sorted, ...final];
}

/**
 * A change of the sender without arguments, in the one form that libmilter has for it; rxmilter writes an empty second
 * string to all but Sendmail (see `deliberate-changes.test.ts`).
 */
function withoutEmptyArguments(frame: Frame): Frame {
  const { letter, data } = frame;
  return letter === 'e' && data.toString('latin1').endsWith('\0\0')
    ? { letter, data: data.subarray(0, -1) }
    : frame;
}

/**
 * Whether a mail server comes to the same message whichever of the two it makes first.
 *
 * Headers, recipients, sender, body and quarantine have nothing to do with each other. Within the recipients, and for
 * each of the others, the order counts. Of the headers:
 * - two new values are independent unless they are for the same header: neither moves anything (they are for headers
 *   that are there; one beyond the last is a case of its own);
 * - what is done to the n-th header of one name is independent of what is done to another name, for numbers count by
 *   name; of one name a deletion moves the numbers of the rest;
 * - a new value is independent of adding and inserting under another name;
 * - a deletion is independent of adding at either end under another name, but moves the place of an insertion before
 *   the n-th header of the message;
 * - an addition at the end is independent of an insertion that is not at the end.
 */
export function independent(one: Frame, other: Frame): boolean {
  const family = familyOf(one);
  if (family !== familyOf(other) || family === '') return family !== '';
  if (family !== 'header') return false;
  const [first, second] = [headerOf(one), headerOf(other)];
  const sameName = first.name === second.name;
  const kinds = [first.kind, second.kind];
  if (kinds.every((kind) => kind === 'value')) return !sameName || first.index !== second.index;
  if (kinds.includes('value') || kinds.every((kind) => kind === 'deletion')) return !sameName;
  if (kinds.includes('deletion')) return !sameName && !kinds.includes('place');
  return kinds.includes('bottom') && !kinds.every((kind) => kind === 'bottom');
}

function familyOf({ letter }: Frame): string {
  if ('him'.includes(letter)) return 'header';
  if ('+2-'.includes(letter)) return 'recipients';
  return 'ebq'.includes(letter) ? letter : '';
}

type Kind = 'value' | 'deletion' | 'top' | 'place' | 'bottom';

const BELOW_EVERYTHING = 0x7ffffffe;

function headerOf({ letter, data }: Frame): { kind: Kind; name: string; index: number } {
  const numbered = letter !== 'h';
  const index = numbered ? data.readUInt32BE(0) : 0;
  const [name = '', value = ''] = data.toString('latin1', numbered ? 4 : 0).split('\0');
  const place = index === 0 ? 'top' : index === BELOW_EVERYTHING ? 'bottom' : 'place';
  const kind = letter === 'h' ? 'bottom' : letter === 'i' ? place : value === '' ? 'deletion' : 'value';
  return { kind, name: name.toLowerCase(), index };
}
