/**
 * A drawing does not match the streams, or cannot be read.
 *
 * @remarks
 * Its message has both diagrams, one above the other, and the first difference; `expected` and `actual` have all of both
 * as text, for the comparison of a test runner.
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

  /** Makes the stack that of the test's line, which ran long before the difference was found. */
  at(place: { readonly stack?: string }): this {
    const [, ...frames] = place.stack?.split('\n') ?? [];
    this.stack = [`${this.name}: ${this.message}`, ...frames].join('\n');
    return this;
  }
}
