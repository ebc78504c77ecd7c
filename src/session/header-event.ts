import type { PairFields } from '../transport/layouts/pair.js';
import type { SessionState } from './connection/session-state.js';
import type { Header } from './flow.js';
import { TURN, type Turn, type Turned } from './turn.js';

const NOTHING = Buffer.alloc(0);
const BLANK = Buffer.from(' ');

/** The event of a HEADER, with the blank that the MTA took away where it is to look as if it had not. */
export function headerEvent(session: SessionState, fields: PairFields, turn: Turn): Header & Turned {
  const { name, value, raw = NOTHING } = fields;
  if (session.agreement.blank !== 'made') return { stage: 'header', session, name, value, raw, [TURN]: turn };
  return {
    stage: 'header',
    session,
    name,
    value: ` ${value}`,
    raw: Buffer.concat([BLANK, raw]),
    [TURN]: turn,
  };
}
