import type { Decision } from '../../src/session/decisions.js';
import type { Reply, StageEvent } from '../../src/session/flow.js';
import type { Modification } from '../../src/session/modifications.js';

export {
  abort,
  body,
  close,
  connect,
  data,
  eoh,
  eom,
  header,
  helo,
  mail,
  rcpt,
  unknown,
} from '../../src/testing/index.js';

/** The reply that an event is expected to become, unchecked: what is not legal can be drawn, too. */
export function decided(to: StageEvent, decision: Decision, ...modifications: Modification[]): Reply {
  return { stage: 'reply', to, decision, modifications };
}
