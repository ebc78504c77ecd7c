import { describeValue } from './describe-value.js';
import { DrawingError } from './drawing-error.js';
import { firstDifference } from './first-difference.js';
import { lettersIn } from './letters-in.js';

const SPARE = Array.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz');

/** What the letters of a drawing stand for: one letter, one meaning, from its first use on. */
export class Letters {
  readonly #meanings = new Map<string, unknown>();

  /**
   * Takes note of what letters mean, and gives the meanings of those in a diagram.
   *
   * @throws DrawingError where one has none, or two
   */
  bind(
    where: string,
    diagram: string,
    values: Readonly<Record<string, unknown>> = {},
  ): Record<string, unknown> {
    for (const [letter, value] of Object.entries(values)) {
      if (Array.from(letter).length !== 1) {
        throw new DrawingError(
          `${where}: ${JSON.stringify(letter)} is no letter. Bind one character to a value.`,
        );
      }
      const known = this.#meanings.has(letter);
      if (known && firstDifference(this.#meanings.get(letter), value) !== undefined) {
        throw new DrawingError(
          `${where}: the letter ${letter} cannot be ${describeValue(value)}; ` +
            `in this drawing it is ${describeValue(this.#meanings.get(letter))} already. Take another letter.`,
        );
      }
      if (!known) this.#meanings.set(letter, value);
    }
    const found = lettersIn(diagram).map((letter): [string, unknown] => {
      if (!this.#meanings.has(letter)) {
        const those = [...this.#meanings.keys()].join(', ') || 'none';
        throw new DrawingError(
          `${where} '${diagram.trim()}': nothing says what the letter ${letter} is. ` +
            `Give it beside the diagram, as { ${letter}: … }; bound so far: ${those}.`,
        );
      }
      return [letter, this.#meanings.get(letter)];
    });
    return Object.fromEntries(found);
  }

  /** The letter of a value; one that is new to the drawing gets a spare letter. */
  letterOf(value: unknown): string {
    for (const [letter, meaning] of this.#meanings) if (Object.is(meaning, value)) return letter;
    for (const [letter, meaning] of this.#meanings) {
      if (firstDifference(meaning, value) === undefined) return letter;
    }
    const spare = SPARE.find((letter) => !this.#meanings.has(letter)) ?? '?';
    this.#meanings.set(spare, value);
    return spare;
  }
}
