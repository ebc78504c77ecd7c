/**
 * A drawing that is not what came out, or one that cannot be read.
 *
 * Its message has both diagrams, one above the other, and the first difference. `expected` and `actual` have all of both
 * as text, for runners that show those two beside each other.
 */
export class DrawingError extends Error {
  override readonly name = 'DrawingError';
  readonly expected: string | undefined;
  readonly actual: string | undefined;

  constructor(
    message: string,
    both?: { readonly expected: string; readonly actual: string },
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.expected = both?.expected;
    this.actual = both?.actual;
  }

  /** Makes the error point at the line of the test that it is about, which has long been left when it is found. */
  at(place: { readonly stack?: string }): this {
    const [, ...frames] = place.stack?.split('\n') ?? [];
    this.stack = [`${this.name}: ${this.message}`, ...frames].join('\n');
    return this;
  }
}
