import { bareName } from '../session/negotiation/terms.js';
import type { Macros } from '../session/session-info.js';

/** Macros that stay as they are. A class, so that those with the same values are equal to every test runner. */
export class FixedMacros implements Macros {
  /** By bare name. */
  readonly values: Readonly<Record<string, string>>;

  constructor(values: Readonly<Record<string, string>>) {
    this.values = Object.freeze(
      Object.fromEntries(Object.entries(values).map(([name, value]) => [bareName(name), value])),
    );
  }

  get(name: string): string | undefined {
    const bare = bareName(name);
    return Object.hasOwn(this.values, bare) ? this.values[bare] : undefined;
  }

  all(): Readonly<Record<string, string>> {
    return this.values;
  }
}
