import { type Rule, record, string } from '../../common/options.js';
import { bareName, wireName } from '../../session/negotiation/terms.js';
import type { KnownProfile } from '../../session/profiles/profile.js';
import { SMFIM } from '../../transport/wire/flags.js';
import type { MtaEvent } from './answer.js';

/** Values of macros, by name: `i`, `{auth_authen}`. Braces around a name make no difference. */
export type MtaMacros = Readonly<Record<string, string | undefined>>;

export const macroValues: Rule = record({ ...string, expected: 'strings' });

/** Macros by the names that they have on the wire, where long ones have braces. */
export function wireMacros(macros: MtaMacros): MtaMacros {
  return Object.fromEntries(
    Object.entries(macros).map(([name, value]) => [name.replace(/^[^{].+$/, '{$&}'), value]),
  );
}

/**
 * The macros that a mail server sends before a command; `undefined` where it sends no frame, not even an empty one.
 *
 * Postfix takes an empty list for none, and sends those of `eoh` with every header, those of `eom` with the body. Sendmail
 * sends no frame for an empty list or none. It mixes up the lists of `eom` and `eoh`: the former counts only where there
 * is the latter, and the latter alone leaves `eom` without macros.
 *
 * @param lists those that the milter asked for, by `SMFIM`
 */
export function macrosBefore(
  stage: MtaEvent['type'],
  values: MtaMacros,
  lists: ReadonlyMap<number, readonly string[]>,
  { name, macros }: KnownProfile,
): [string, string][] | undefined {
  if (name === 'postfix') {
    if (stage === 'unknown') return [];
    const list = stage === 'body' ? 'eom' : stage === 'header' ? 'eoh' : stage;
    const asked = lists.get(SMFIM[list]) ?? [];
    return present(asked.length === 0 ? macros[list] : asked, values, wireName);
  }
  if (stage === 'unknown' || stage === 'header' || stage === 'body') return undefined;
  const asked = lists.get(SMFIM[stage]);
  const atEom = lists.has(SMFIM.eoh) ? asked : macros.eom;
  const names = stage === 'eom' ? atEom : (asked ?? macros[stage]);
  if (names === undefined || (asked !== undefined && names.length === 0)) return undefined;
  // Sendmail reads a name that has no braces up to its first letter.
  return present(names, values, (one) => (one.startsWith('{') ? wireName(one) : one.slice(0, 1)));
}

/** A macro is sent under the name that the milter asked for it by, whatever macro that is. */
function present(
  names: readonly string[] = [],
  values: MtaMacros,
  meant: (name: string) => string,
): [string, string][] {
  return names.flatMap((name): [string, string][] => {
    const known = meant(name);
    const value = values[known] ?? values[bareName(known)] ?? values[name];
    return value === undefined ? [] : [[name, value]];
  });
}
