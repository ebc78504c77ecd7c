import type { MtaAgreement } from '../mta/client/agreement.js';
import type { MacroLists, MacroStage } from '../session/negotiation/terms.js';
import { STAGES, type Stage } from '../session/stage.js';
import { COMMANDS } from '../transport/wire/commands.js';
import { type ProtocolFlag, type Right, SMFIF, SMFIM, SMFIP } from '../transport/wire/flags.js';

/** The result of the negotiation between a simulated MTA and a filter, by name. */
export interface Negotiated {
  readonly version: number;
  /** The rights that the filter asked for. */
  readonly actions: readonly Right[];
  readonly protocol: readonly ProtocolFlag[];
  /** The macros that the filter asked for; no list for a stage that it leaves to the MTA. */
  readonly macros: MacroLists;
  /** The consequence for each stage: the MTA waits for an answer, sends without waiting, or does not send. */
  readonly stages: Readonly<Record<Stage, 'asked' | 'told' | 'not sent'>>;
}

/** An agreement in names. */
export function negotiated({ version, actions, protocol, lists }: MtaAgreement): Negotiated {
  const stages = STAGES.map((stage): [Stage, 'asked' | 'told' | 'not sent'] => {
    const { no, nr, version: since } = COMMANDS[stage];
    if ((protocol & no) !== 0 || since > version) return [stage, 'not sent'];
    return [stage, (protocol & nr) === 0 ? 'asked' : 'told'];
  });
  const macros = (Object.keys(SMFIM) as MacroStage[]).filter((stage) => lists.has(SMFIM[stage]));
  return {
    version,
    actions: namesOf(SMFIF, actions),
    protocol: namesOf(SMFIP, protocol),
    macros: Object.fromEntries(macros.map((stage) => [stage, lists.get(SMFIM[stage])])),
    stages: Object.fromEntries(stages) as Negotiated['stages'],
  };
}

function namesOf<Name extends string>(bits: Readonly<Record<Name, number>>, set: number): Name[] {
  return (Object.keys(bits) as Name[]).filter((name) => (bits[name] & set) !== 0);
}
