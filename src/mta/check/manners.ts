import type { KnownProfile } from '../../session/profiles/profile.js';
import { profileOf } from '../../session/profiles/recognise.js';
import type { MtaOffer } from '../client/agreement.js';
import type { MtaEvent } from '../client/answer.js';
import { type MtaMacros, macrosBefore } from '../client/macros.js';
import type { Cut } from './wire.js';

type Pairs = [name: string, value: string][];

/** How a mail server speaks to a milter. */
export interface Manner {
  readonly profile: KnownProfile;
  readonly offer: MtaOffer;
  /** The value of `{daemon_name}`. */
  readonly daemon: string;
  readonly cut: Cut;
  /** The macros before a command; `undefined` where there is no frame of them. */
  readonly macros: (
    stage: MtaEvent['type'],
    values: MtaMacros,
    lists: ReadonlyMap<number, readonly string[]>,
  ) => Pairs | undefined;
  /** Whether ABORT follows on every message. */
  readonly aborts: boolean;
}

function mannerOf(profile: KnownProfile, cut: Cut, aborts: boolean, daemon = 'mta.example.org'): Manner {
  const macros: Manner['macros'] = (stage, values, lists) => macrosBefore(stage, values, lists, profile);
  return { profile, offer: profile.offer, daemon, cut, macros, aborts };
}

export const POSTFIX = mannerOf(profileOf('postfix'), 'joined', true);
export const SENDMAIL = mannerOf(profileOf('sendmail'), 'whole', false);
export const STALWART = mannerOf(profileOf('stalwart'), 'whole', false, 'Stalwart v0.16.2');
export const MADDY = mannerOf(profileOf('maddy'), 'whole', true, 'maddy');

export function withoutBraces(macros: Manner['macros']): Manner['macros'] {
  return (...args) => macros(...args)?.map(([name, value]) => [name.replace(/^\{(.*)\}$/, '$1'), value]);
}

/** The same without a frame where there is no macro. */
export function withoutEmpty(macros: Manner['macros']): Manner['macros'] {
  return (...args) => {
    const list = macros(...args);
    return list?.length === 0 ? undefined : list;
  };
}
