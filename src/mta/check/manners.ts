import { AUTH } from '../../session/profiles/profile.js';
import { profileOf } from '../../session/profiles/recognise.js';
import { DEFAULT_OFFER, type MtaOffer } from '../client/agreement.js';
import type { MtaEvent } from '../client/answer.js';
import { type MtaMacros, macrosBefore } from '../client/macros.js';
import type { Cut } from './wire.js';

type Pairs = [name: string, value: string][];

/** How a mail server speaks to a milter. */
export interface Manner {
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
  /** Stalwart: the header is repeated in the body, EOH comes though it is not wanted, and CRLF may fold headers. */
  readonly repeatsHeader: boolean;
  /** Stalwart: the flags of the answer count, offered or not. */
  readonly obeys: boolean;
  /** maddy: there is no DATA, and no version below 6. */
  readonly leavesOutData: boolean;
}

const USUAL = {
  daemon: 'mta.example.org',
  offer: DEFAULT_OFFER,
  repeatsHeader: false,
  obeys: false,
  leavesOutData: false,
} as const;

export const POSTFIX: Manner = {
  ...USUAL,
  cut: 'joined',
  macros: (stage, values, lists) => macrosBefore(stage, values, lists, profileOf('postfix')),
  aborts: true,
};

export const SENDMAIL: Manner = {
  ...USUAL,
  cut: 'whole',
  macros: (stage, values, lists) => macrosBefore(stage, values, lists, profileOf('sendmail')),
  aborts: false,
};

export const STALWART: Manner = {
  ...USUAL,
  offer: { version: 6, actions: 0xff, protocol: 0x42 },
  daemon: 'Stalwart v0.16.2',
  cut: 'whole',
  macros: fixed({
    connect: ['{daemon_name}', 'j', '{client_addr}', '{client_port}', '{client_ptr}'],
    mail: ['{mail_addr}', ...AUTH],
    rcpt: ['{rcpt_addr}'],
  }),
  aborts: false,
  repeatsHeader: true,
  obeys: true,
};

export const MADDY: Manner = {
  ...USUAL,
  offer: { version: 6, actions: 0x21, protocol: 0 },
  daemon: 'maddy',
  cut: 'whole',
  macros: withoutBraces(fixed({ connect: ['{daemon_name}', '{if_name}'], mail: ['i', ...AUTH] })),
  aborts: true,
  leavesOutData: true,
};

/** Macros that come whatever is asked for. */
function fixed(names: Readonly<Partial<Record<MtaEvent['type'], readonly string[]>>>): Manner['macros'] {
  return (stage, values) =>
    names[stage]?.flatMap((name): Pairs => {
      const value = values[name];
      return value === undefined ? [] : [[name, value]];
    });
}

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
