import '../common/check-node.js';

/**
 * The tools to test filters with: events, drawings, a simulated mail server, and the rules that every filter keeps.
 */
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
  replyTo,
  unknown,
  type EventFields,
} from './events.js';
export { message, type EnvelopeAddress, type MessageParts } from './message.js';
export { session, type SessionFields } from './session.js';

export { DrawingError } from './drawing-error.js';
export { marbles, type DrawnTest, type MarblesOptions } from './marbles.js';
export type { DrawnObservable, FlowHelper, MarbleHelpers, StreamExpectation } from './drawing.js';

export {
  simulate,
  type Negotiated,
  type SimulateOptions,
  type Simulation,
  type StepOptions,
  type Unanswered,
} from './simulate.js';
export type { StepAnswer } from './step-answer.js';

export { contract, type ContractCheck } from './contract/contract.js';
export { ContractError, type ContractRule } from './contract/contract-error.js';
export type { ContractOptions } from './contract/contract-options.js';
