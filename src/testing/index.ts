import '../common/check-node.js';

/**
 * What filters are tested with: events, drawings, a mail server that is none, and the rules that every filter keeps.
 */
export { abort } from './events/abort.js';
export { body } from './events/body.js';
export { close } from './events/close.js';
export { connect } from './events/connect.js';
export { data } from './events/data.js';
export { eoh } from './events/eoh.js';
export { eom } from './events/eom.js';
export { header } from './events/header.js';
export { helo } from './events/helo.js';
export { mail } from './events/mail.js';
export { rcpt } from './events/rcpt.js';
export { replyTo } from './events/reply-to.js';
export { unknown } from './events/unknown.js';
export { message, type EnvelopeAddress, type MessageParts } from './message.js';
export { session, type SessionFields } from './session.js';
export type { EventFields } from './event-fields.js';

export { DrawingError } from './drawing-error.js';
export { marbles, type DrawnTest, type MarblesOptions } from './marbles.js';
export type { DrawnObservable, FlowHelper, MarbleHelpers, StreamExpectation } from './marble-helpers.js';

export { simulate, type SimulateOptions } from './simulate.js';
export type { Simulation, StepOptions, Unanswered } from './simulation.js';
export type { Negotiated } from './negotiated.js';
export type { Told } from './told.js';

export { contract, type ContractCheck } from './contract/contract.js';
export { ContractError, type ContractRule } from './contract/contract-error.js';
export type { ContractOptions } from './contract/contract-options.js';
