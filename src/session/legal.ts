import type { Stage } from './stage.js';

/**
 * Which decision may be given where: `discard` means nothing before there is a message (Sendmail drops a filter that
 * discards at connect), `skip` is for the body alone (Sendmail drops a filter that skips elsewhere), and an unknown
 * command fails whatever is said.
 */
export interface LegalStages {
  proceed: Stage;
  accept: Exclude<Stage, 'unknown'>;
  reject: Stage;
  tempfail: Stage;
  discard: Exclude<Stage, 'connect' | 'helo' | 'unknown'>;
  skip: 'body';
}

/** The same for the run time. */
const ILLEGAL: Readonly<Record<string, readonly Stage[] | 'all but body'>> = {
  proceed: [],
  accept: ['unknown'],
  reject: [],
  tempfail: [],
  discard: ['connect', 'helo', 'unknown'],
  skip: 'all but body',
};

/** Whether the decision of that kind may be given at that stage; `false` for what is no decision at all. */
export function isLegal(kind: string, stage: Stage): boolean {
  const illegal = ILLEGAL[kind];
  if (illegal === undefined) return false;
  return illegal === 'all but body' ? stage === 'body' : !illegal.includes(stage);
}
