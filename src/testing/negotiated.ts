import type { MtaAgreement } from '../mta/client/agreement.js';
import type { MacroLists, MacroStage } from '../session/negotiation/terms.js';
import { STAGES, type Stage } from '../session/stage.js';
import { COMMANDS } from '../transport/wire/commands.js';
import { type ProtocolFlag, type Right, SMFIF, SMFIP } from '../transport/wire/flags.js';

/** What a filter has made of the offer of a simulated MTA, by name. */
export interface Negotiated {
  readonly version: number;
  /** What it may change. */
  readonly actions: readonly Right[];
  readonly protocol: readonly ProtocolFlag[];
  /** The macros that it asked for; nothing of a stage where it leaves that to the MTA. */
  readonly macros: MacroLists;
  /** What that comes to for each stage: the MTA waits for an answer, tells without waiting, or does not even send. */
  readonly stages: Readonly<Record<Stage, 'asked' | 'told' | 'not sent'>>;
}

/** The numbers of the stages in a macro list (libmilter's `SMFIM_*`). */
const MACRO_STAGES: readonly MacroStage[] = ['connect', 'helo', 'mail', 'rcpt', 'data', 'eom', 'eoh'];

/** An agreement in names. */
export function negotiated({ version, actions, protocol, lists }: MtaAgreement): Negotiated {
  const stages = STAGES.map((stage): [Stage, 'asked' | 'told' | 'not sent'] => {
    const { no, nr, version: since } = COMMANDS[stage];
    if ((protocol & no) !== 0 || since > version) return [stage, 'not sent'];
    return [stage, (protocol & nr) === 0 ? 'asked' : 'told'];
  });
  const macros = [...lists].flatMap(([number, names]): [string, readonly string[]][] => {
    const stage = MACRO_STAGES[number];
    return stage === undefined ? [] : [[stage, names]];
  });
  return {
    version,
    actions: namesOf(SMFIF, actions),
    protocol: namesOf(SMFIP, protocol),
    macros: Object.fromEntries(macros),
    stages: Object.fromEntries(stages) as Record<Stage, 'asked' | 'told' | 'not sent'>,
  };
}

function namesOf<Name extends string>(bits: Readonly<Record<Name, number>>, set: number): Name[] {
  return (Object.keys(bits) as Name[]).filter((name) => (bits[name] & set) !== 0);
}
