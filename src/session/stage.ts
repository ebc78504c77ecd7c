/** A point of the SMTP dialogue at which a filter can decide; `eom` is the wire's BODYEOB. */
export type Stage =
  'connect' | 'helo' | 'mail' | 'rcpt' | 'data' | 'header' | 'eoh' | 'body' | 'eom' | 'unknown';

/** The stages, the two events that have no answer, and a reply. */
export type FlowStage = Stage | 'abort' | 'close' | 'reply';

/** One bit for each, so that a set of stages is a number. */
export const BIT: Readonly<Record<FlowStage, number>> = {
  connect: 0x1,
  helo: 0x2,
  mail: 0x4,
  rcpt: 0x8,
  data: 0x10,
  header: 0x20,
  eoh: 0x40,
  body: 0x80,
  eom: 0x100,
  unknown: 0x200,
  abort: 0x400,
  close: 0x800,
  reply: 0x1000,
};

/** The bit of a stage, asked several times an event: comparing with the usual ones is cheaper than a look-up. */
export function bitOf(stage: FlowStage): number {
  switch (stage) {
    case 'header':
      return 0x20;
    case 'body':
      return 0x80;
    case 'rcpt':
      return 0x8;
    case 'mail':
      return 0x4;
    case 'reply':
      return 0x1000;
    case 'eom':
      return 0x100;
    case 'abort':
      return 0x400;
    default:
      return BIT[stage];
  }
}

export const ALL_STAGES = 0x3ff;

const ALL = Object.keys(BIT) as FlowStage[];

/** All stages that can be answered, in the order in which a message meets them. */
export const STAGES = Object.freeze(ALL.filter((name) => (BIT[name] & ALL_STAGES) !== 0)) as readonly Stage[];

/** The set of the named stages. Throws a `TypeError` that lists the possible names for any other. */
export function stageSet(stages: FlowStage | readonly FlowStage[], allowed: number): number {
  let set = 0;
  for (const stage of Array.isArray(stages) ? (stages as readonly FlowStage[]) : [stages as FlowStage]) {
    const bit = Object.hasOwn(BIT, stage) ? BIT[stage] & allowed : 0;
    if (bit === 0) {
      const names = ALL.filter((name) => (BIT[name] & allowed) !== 0).join(', ');
      throw new TypeError(`${JSON.stringify(stage)} is not a stage that fits here; use one of ${names}.`);
    }
    set |= bit;
  }
  return set;
}
