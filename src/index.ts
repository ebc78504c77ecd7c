import './common/check-node.js';

// Filters: operators over the events of a connection.
export { remote } from './mta/remote/remote.js';
export { compose } from './operators/compose.js';
export { deadline } from './operators/deadline.js';
export { observe } from './operators/observe.js';
export { onMessage } from './operators/on-message.js';
export { on } from './operators/on.js';
export { perConnection, perMessage } from './operators/per-message.js';
export { answer } from './operators/answer.js';
export { requireRights } from './operators/require-rights.js';
export { shadow } from './operators/shadow.js';
export { strictestOf } from './operators/strictest-of.js';
export { when } from './operators/when.js';
export type { MessageProject } from './operators/core/collector.js';
export type { Filter } from './operators/core/filter.js';
export type { ProjectContext } from './operators/core/project-run.js';
export type { LatestProject, Project } from './operators/on.js';
export type { Difference } from './operators/shadow/compare.js';
export type { Check } from './operators/strictest-of.js';

// Decisions.
export { accept, discard, allow, reject, skip, tempfail } from './session/decisions.js';
export type { AnswerInput } from './operators/core/answers.js';
export type { Decision, DecisionAt } from './session/decisions.js';
export type { EnvelopePath } from './session/envelope-path.js';
export type { Answer } from './session/flow.js';
export type { ReplySpec, SmtpReply } from './session/smtp-reply.js';

// Modifications, at the end of a message.
export { edit } from './message/edit/edit.js';
export {
  addHeader,
  addRecipient,
  changeHeader,
  changeSender,
  deleteHeader,
  deleteRecipient,
  insertHeader,
  quarantine,
  replaceBody,
} from './session/modifications.js';
export type { Draft } from './message/edit/edit.js';
export type { BodySource, Edit, Modification } from './session/modifications.js';

// Events: what a filter sees, named as in libmilter.
export type {
  Abort,
  Body,
  Close,
  Connect,
  Data,
  Eoh,
  Eom,
  EventAt,
  Flow,
  Header,
  Helo,
  Mail,
  MilterEvent,
  Rcpt,
  Rejection,
  Reply,
  StageEvent,
  Unknown,
} from './session/flow.js';
export type { Stage } from './session/stage.js';

// Messages as a whole, addresses and text.
export { parseAddress, sameAddress } from './common/address.js';
export { Headers } from './message/headers/headers.js';
export { headerText } from './session/check-text.js';
export type { AddressParts } from './common/address.js';
export type { HeaderField } from './message/headers/header-field.js';
export type { HeaderAddress } from './message/headers/header-address.js';
export type { MessageLimits, MessageOptions } from './message/message-options.js';
export type { BodyMode, BufferedBody, Message, StreamedBody } from './message/message.js';

// Sessions: what is known of a connection.
export { sessionData } from './session/session-data.js';
export type { Session } from './operators/core/session.js';
export type { SessionData } from './session/session-data.js';
export type { MtaName } from './session/profiles/profile.js';
export type { Client, Macros, SessionInfo } from './session/session-info.js';

// Serving.
export { sink } from './operators/sink.js';
export { listen } from './server/listen.js';
export { serve } from './server/serve.js';
export { inheritedSockets } from './transport/sockets/inherited-sockets.js';
export { openSocket } from './transport/sockets/open-socket.js';
export type { RemoteOptions } from './mta/remote/remote-options.js';
export type { ListenOptions, MilterServer, ServeOptions } from './server/options.js';
export type { Failure, SessionOptions, Timeouts } from './session/options.js';
export type { MessageOutcome, Outcome } from './session/outcome.js';
export type { OpenSocket } from './transport/sockets/open-socket.js';

// The protocol, for options and for looking closely.
export { VERSION } from './common/version.js';
export { SMFIF, SMFIP } from './transport/wire/flags.js';
export type { TraceEntry } from './session/connection/tracer.js';
export type { Right } from './transport/wire/flags.js';

// Errors.
export { MilterError } from './mta/client/milter-error.js';
export { RemoteError } from './mta/remote/remote-options.js';
export {
  AnswerError,
  ForgottenAnswerError,
  NegotiationError,
  ProjectError,
  StaleReplyError,
  UnansweredError,
  UngrantedError,
} from './session/errors.js';
export { BodyFileError } from './spool/errors.js';
export { EndpointError, ListenError } from './transport/sockets/errors.js';
export { ProtocolError } from './transport/wire/protocol-error.js';
