import { expect, it } from 'vitest';

import { converse, type Heard, type Manner } from './converse.js';
import type { Pair } from './pair.js';
import type { Step } from './steps.js';

/** A place where rxmilter does not do what libmilter does, on purpose. */
export interface Difference {
  /** What it is about. */
  readonly name: string;
  /** Why rxmilter differs. */
  readonly because: string;
  readonly steps: readonly Step[];
  /** The offer; modifications are compared in the order in which they came. */
  readonly manner?: Manner;
  /** The last commands with their replies, as `command: reply | reply`. */
  readonly libmilter: readonly string[];
  readonly rxmilter: readonly string[];
  /** What rxmilter reports about it, in parts. */
  readonly errors?: readonly string[];
}

/** One test for each: both behaviours are shown. */
export function itDiffers(pair: () => Pair, differences: readonly Difference[]): void {
  it.each(differences)('$name: $because', async ({ steps, manner, libmilter, rxmilter, errors = [] }) => {
    const all = { ...manner, literal: true };
    expect(lastOf(await converse(pair().libmilter, steps, all), libmilter.length)).toEqual(libmilter);
    expect(lastOf(await converse(pair().rxmilter, steps, all), rxmilter.length)).toEqual(rxmilter);
    expect(pair().takeErrors()).toEqual(errors.map((part): unknown => expect.stringContaining(part)));
  });
}

function lastOf(heard: readonly Heard[], count: number): string[] {
  return heard.slice(-count).map(([said, ...replies]) => `${said}: ${replies.join(' | ')}`);
}
