import { describeValue } from './describe-value.js';
import { DrawingError } from './drawing-error.js';
import { firstDifference } from './first-difference.js';

const SPARE = Array.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz');

/** The meanings of the letters of a drawing: one letter, one meaning, from its first use on. */
export class Letters {
  readonly #meanings = new Map<string, unknown>();

  /** Takes note of the meanings of letters, each a character with one meaning, and returns those for a diagram. */
  bind(where: string, diagram: string, values: object = {}): Record<string, unknown> {
    for (const [letter, value] of Object.entries(values) as [string, unknown][]) {
      if (Array.from(letter).length !== 1) {
        throw new DrawingError(
          `${where}: ${JSON.stringify(letter)} is no letter. Bind one character to a value.`,
        );
      }
      if (!this.#meanings.has(letter)) this.#meanings.set(letter, value);
      const known = this.#meanings.get(letter);
      if (firstDifference(known, value) === undefined) continue;
      throw new DrawingError(
        `${where}: the letter ${letter} cannot be ${describeValue(value)}; ` +
          `in this drawing it is ${describeValue(known)} already. Take another letter.`,
      );
    }
    return meaningsIn(where, diagram, this.#meanings);
  }

  /** The letter of a value; a value that is new to the drawing gets a spare letter. */
  letterOf(value: unknown): string {
    const known = [...this.#meanings];
    const found =
      known.find(([, meaning]) => Object.is(meaning, value)) ??
      known.find(([, meaning]) => firstDifference(meaning, value) === undefined);
    if (found !== undefined) return found[0];
    const spare = SPARE.find((letter) => !this.#meanings.has(letter)) ?? '?';
    this.#meanings.set(spare, value);
    return spare;
  }
}

/** Meanings for RxJS to look letters up in: it would take a letter without one for `undefined`. */
export function meaningsIn<T>(
  where: string,
  diagram: string,
  meanings: ReadonlyMap<unknown, T>,
): Record<string, T> {
  const get = (_target: object, letter: string | symbol): T | undefined => {
    if (meanings.has(letter)) return meanings.get(letter);
    throw new DrawingError(
      `${where} '${diagram.trim()}': nothing says what the letter ${String(letter)} is. Give it beside the diagram, ` +
        `as { ${String(letter)}: … }; bound so far: ${[...meanings.keys()].join(', ') || 'none'}.`,
    );
  };
  return new Proxy<Record<string, T>>({}, { get });
}
