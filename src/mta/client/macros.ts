import { type Rule, record, string } from '../../common/options.js';
import { bareName, wireName } from '../../session/negotiation/terms.js';
import type { KnownProfile, MacroRequests } from '../../session/profiles/profile.js';
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

/** The macros that a mail server sends before a command; `undefined` where it sends no list, not even an empty one. */
export function macrosBefore(
  stage: MtaEvent['type'],
  values: MtaMacros,
  requests: MacroRequests,
  profile: KnownProfile,
): [string, string][] | undefined {
  const names = profile.macrosFor(stage, requests);
  if (names === undefined) return undefined;
  // A macro is sent under the name that the milter asked for it by, whatever macro that is.
  const set = names.flatMap((name): [string, string][] => {
    const meant = profile.readsOneLetter && !name.startsWith('{') ? name.slice(0, 1) : wireName(name);
    const value = values[meant] ?? values[bareName(meant)] ?? values[name];
    return value === undefined ? [] : [[name, value]];
  });
  return set.length === 0 && !profile.emptyMacros ? undefined : set;
}
