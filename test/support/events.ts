import type { Decision, Reply, StageEvent, Modification } from 'rxmilter';

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
} from 'rxmilter/testing';

/** The reply that an event is expected to become, unchecked: what is not legal can be drawn, too. */
export function decided(to: StageEvent, decision: Decision, ...modifications: Modification[]): Reply {
  return { stage: 'reply', to, decision, modifications };
}
