import type { AddHeader, HeaderPosition, Modification } from '../../session/modifications.js';

/** A new header and the position that a milter wants it at: 0 is the top, `Infinity` the end. */
export interface PlacedHeader {
  readonly at: number;
  readonly header: AddHeader;
}

/** From here on a position is beyond every message: what is meant is the end. */
const BOTTOM = 0x7ffffffe;

/** New headers that come to stand between two of the message's. */
interface Gap {
  /** So many of the message's are above it, the MTA's own Received among them. */
  readonly above: number;
  readonly headers: PlacedHeader[];
}

/**
 * New headers, each inserted into what those before it have made, as modifications whose positions count the headers as
 * they were shown.
 *
 * An MTA counts its own Received as the first header, so that 1 is above the first that the milter was shown.
 *
 * @param shown how many the milter was shown; `Infinity` where that is not known
 */
export function placeHeaders(placed: readonly PlacedHeader[], shown: number): Modification[] {
  const gaps: Gap[] = [];
  for (const one of placed) insert(gaps, one, shown + 1);
  return gaps.flatMap(({ above, headers }) => {
    // Of several at the top the last is uppermost; those at any other place come in their order.
    if (above === 0) return headers.reverse().map(({ header }) => at('top', header));
    if (above <= shown && above < BOTTOM) return headers.map(({ header }) => at(above, header));
    return headers.map(({ at: wanted, header }) => (wanted === Infinity ? header : at('bottom', header)));
  });
}

/** @param all how many headers the message has of its own */
function insert(gaps: Gap[], one: PlacedHeader, all: number): void {
  let left = one.at >= BOTTOM ? Infinity : one.at;
  for (const [index, gap] of gaps.entries()) {
    const { above, headers } = gap;
    if (left < above) {
      gaps.splice(index, 0, { above: left, headers: [one] });
      return;
    }
    if (left <= above + headers.length || above >= all) {
      headers.splice(left - above, 0, one);
      return;
    }
    left -= headers.length;
  }
  gaps.push({ above: Math.min(left, all), headers: [one] });
}

function at(position: HeaderPosition, { name, value }: AddHeader): Modification {
  return { kind: 'insertHeader', position, name, value };
}
