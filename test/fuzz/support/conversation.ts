import type { MtaCommand } from './mta-command.js';

/** What an MTA does next. */
export type Move =
  /** Says something, and waits for its answer where there is one. */
  | { readonly do: 'ask'; readonly command: MtaCommand }
  /** Says something, and goes on after so many milliseconds, answered or not. */
  | { readonly do: 'say'; readonly command: MtaCommand; readonly wait: number }
  /** Sends a macro frame without its event. */
  | { readonly do: 'macros'; readonly command: MtaCommand }
  /** Is gone without a word; perhaps in the middle of a frame. */
  | { readonly do: 'vanish'; readonly within: MtaCommand | undefined };

/** A conversation as an MTA leads it: it makes its moves, and gets the letter of the answer to each, or `''`. */
export type Conversation = Generator<Move, void, string>;

/** How a move looks in a transcript. */
export function describeMove(move: Move): string {
  switch (move.do) {
    case 'ask':
      return `> ${String(move.command)}`;
    case 'say':
      return `> ${String(move.command)} (and waits no longer than ${move.wait} ms)`;
    case 'macros':
      return `> D(${move.command.macros?.join(',') ?? ''}) for ${move.command.letter}, alone`;
    case 'vanish':
      return move.within === undefined ? '> (gone)' : `> (gone within ${String(move.within)})`;
  }
}
