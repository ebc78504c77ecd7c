import { observe, type Filter, type MilterEvent } from 'rxmilter';

const EVERYTHING = [
  ...(['connect', 'helo', 'mail', 'rcpt', 'data', 'header', 'eoh', 'body', 'eom', 'unknown'] as const),
  ...(['abort', 'close'] as const),
];

/** A filter that writes down every event, also the two that cannot be answered, and decides nothing. */
export function noting(seen: MilterEvent[]): Filter {
  return observe(EVERYTHING, (event) => void seen.push(event));
}
