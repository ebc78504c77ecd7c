import type { Macros } from './macro-lists.js';

/** Macros by the names that they have on the wire, where long ones have braces. */
export function wireMacros(macros: Macros): Macros {
  return Object.fromEntries(
    Object.entries(macros).map(([name, value]) => [name.replace(/^[^{].+$/, '{$&}'), value]),
  );
}
