import './common/check-node.js';

export { compose } from './operators/compose.js';
export { deadline } from './operators/deadline.js';
export { observe } from './operators/observe.js';
export { on } from './operators/on.js';
export { onMessage } from './operators/on-message.js';
export { perConnection } from './operators/per-connection.js';
export { perMessage } from './operators/per-message.js';
export { reply } from './operators/reply.js';
export { requires } from './operators/requires.js';
export { shadow } from './operators/shadow.js';
export { sink } from './operators/sink.js';
export { strictest } from './operators/strictest.js';
export { when } from './operators/when.js';

export { edit } from './message/edit/edit.js';
export { Headers } from './message/headers/headers.js';
export { addressKey } from './common/address-key.js';
export { parseAddress } from './common/parse-address.js';
export { sameAddress } from './common/address-key.js';

export { backoff } from './lookups/backoff.js';
export { coalesce } from './lookups/coalesce.js';
export { LookUpError } from './lookups/flight.js';

export { remote } from './mta/remote/remote.js';
export { MilterError } from './mta/client/milter-error.js';
export { RemoteError } from './mta/remote/remote-options.js';

export { compareReplies } from './recording/compare-replies.js';
export { diagram } from './recording/diagram.js';
export { readRecording } from './recording/recording.js';
export { record } from './recording/record.js';
export { replay } from './recording/replay.js';

export { listen } from './server/listen.js';
export { serve } from './server/serve.js';

export { inheritedSockets } from './transport/sockets/inherited-sockets.js';
export { openSocket } from './transport/sockets/open-socket.js';
export { VERSION } from './common/version.js';
export { authenticatedUser } from './session/session-info.js';
export { privateData } from './session/private-data.js';

export { accept } from './session/decisions.js';
export { discard } from './session/decisions.js';
export { proceed } from './session/decisions.js';
export { reject } from './session/decisions.js';
export { skip } from './session/decisions.js';
export { tempfail } from './session/decisions.js';

export { addHeader } from './session/modifications.js';
export { addRecipient } from './session/modifications.js';
export { changeHeader } from './session/modifications.js';
export { changeSender } from './session/modifications.js';
export { deleteHeader } from './session/modifications.js';
export { deleteRecipient } from './session/modifications.js';
export { insertHeader } from './session/modifications.js';
export { quarantine } from './session/modifications.js';
export { headerText } from './session/check-text.js';
export { replaceBody } from './session/modifications.js';

export { SMFIF } from './transport/wire/flags.js';
export { SMFIP } from './transport/wire/flags.js';

export { BodyFileError } from './spool/errors.js';
export { RecordingError } from './recording/recording.js';
export { AnswerError, ForgottenAnswerError } from './session/errors.js';
export { NegotiationError } from './session/errors.js';
export { ProjectError } from './session/errors.js';
export { StaleReplyError } from './session/errors.js';
export { UnansweredError } from './session/errors.js';
export { EndpointError } from './transport/sockets/errors.js';
export { ListenError } from './transport/sockets/errors.js';
export { ProtocolError } from './transport/wire/protocol-error.js';

export type { Mailbox } from './message/headers/mailbox.js';
export type { AddressParts } from './common/parse-address.js';
export type { AnswerInput, AnswerNow, Legal, Undecided } from './operators/core/answers.js';
export type { LateDecision } from './operators/deadline.js';
export type { Difference } from './operators/shadow/compare.js';
export type { Filter } from './operators/core/filter.js';
export type { Seen } from './operators/observe.js';
export type { MessageProject } from './operators/core/collector.js';
export type { LatestProject, Project } from './operators/on.js';
export type { ProjectContext } from './operators/core/project-run.js';
export type { DifferenceReport, ShadowOptions } from './operators/shadow.js';
export type { Session } from './operators/core/session.js';
export type { Check, CheckAnswer, StrictestOptions } from './operators/strictest.js';
export type { Draft } from './message/edit/edit.js';
export type { DraftHeaders } from './message/edit/draft-headers.js';
export type { DraftRecipients } from './message/edit/draft-recipients.js';
export type { EnvelopePath } from './message/envelope-path.js';
export type { HeaderField } from './message/headers/header-field.js';
export type { AuthFacts, Message, TlsFacts } from './message/message.js';
export type { BodyChunks, BodyMode, BufferedBody, StreamedBody } from './message/message.js';
export type { MessageLimits, MessageOptions } from './message/message-options.js';
export type { BackoffOptions } from './lookups/backoff.js';
export type { Coalesced, CoalesceOptions, LookUp } from './lookups/coalesce.js';
export type { ReplyDifference } from './recording/compare-replies.js';
export type { DiagramOptions } from './recording/diagram.js';
export type { RecordOptions } from './recording/record.js';
export type { RecordedFrame, RecordedSession, Recording } from './recording/recording.js';
export type { Redaction } from './recording/redactor.js';
export type { MilterFailure } from './mta/client/milter-error.js';
export type { RemoteOptions, RemoteTimeouts } from './mta/remote/remote-options.js';
export type { ListenOptions } from './server/options.js';
export type { CloseOptions, MilterServer } from './server/options.js';
export type { ServeOptions } from './server/options.js';
export type { ListenInput } from './server/where-to-listen.js';
export type { PrivateData } from './session/private-data.js';
export type {
  Accept,
  Decision,
  DecisionAt,
  Discard,
  Proceed,
  Reject,
  Skip,
  Tempfail,
} from './session/decisions.js';
export type {
  Abort,
  Answer,
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
export type {
  AddHeader,
  AddRecipient,
  BodySource,
  ChangeHeader,
  ChangeSender,
  DeleteHeader,
  DeleteRecipient,
  Edit,
  HeaderPosition,
  InsertHeader,
  Modification,
  Quarantine,
  ReplaceBody,
  Text,
} from './session/modifications.js';
export type { Failure, SessionOptions, Timeouts } from './session/options.js';
export type { Outcome } from './session/outcome.js';
export type { MaxDataSize } from './session/negotiation/terms.js';
export type { MtaName } from './session/profiles/profile.js';
export type { Client, Macros, SessionInfo } from './session/session-info.js';
export type { ReplySpec, SmtpReply } from './session/smtp-reply.js';
export type { Stage } from './session/stage.js';
export type { MacroLists, MacroStage, NegotiateHook, Offer, Terms } from './session/negotiation/terms.js';
export type { TraceEntry } from './session/connection/tracer.js';
export type { BindOptions } from './transport/sockets/listening.js';
export type { Endpoint, EndpointInput } from './transport/sockets/endpoint.js';
export type { InheritedSocket, InheritedSocketsOptions } from './transport/sockets/inherited-sockets.js';
export type { OpenSocket } from './transport/sockets/open-socket.js';
export type { Family } from './transport/wire/layouts.js';
export type { Right } from './transport/wire/flags.js';
export type { ProtocolFlag } from './transport/wire/flags.js';
