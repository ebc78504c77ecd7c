import '../common/check-node.js';

/**
 * The MTA's side of the milter protocol. Experimental: each export may change in any version.
 */
export { check, type CheckOptions, type CheckReport } from './check/check.js';
export type { CheckFinding, CheckPlace } from './check/findings.js';
export type { CheckRule, CheckSeverity } from './check/rules.js';
export type { CheckedDialogue } from './check/run.js';
export { DEFAULT_OFFER, type MtaAgreement, type MtaOffer } from './client/agreement.js';
export type { MtaAnswer, MtaEvent, Verdict } from './client/answer.js';
export type {
  MilterTarget,
  MtaConnectionOptions,
  MtaLimits,
  MtaTimeouts,
} from './client/connection-options.js';
export { filterEnd, type Chunking, type FilterEndOptions } from './client/filter-end.js';
export type { MtaMacros } from './client/macros.js';
export { MilterError, type MilterFailure } from './client/milter-error.js';
export type { WireModification } from './client/modification-list.js';
export { MtaConnection, type TranscriptEntry } from './client/mta-connection.js';
export type { MtaKind } from '../session/profiles/profile.js';
export { deliver, deliveries, sessionDeliveries, type DeliveriesOptions } from './simulate/deliver.js';
export { formatReply, type Delivery, type DeliveryOutcome, type DeliveryStep } from './simulate/delivery.js';
export type { FailurePolicy } from './simulate/guarded-milter.js';
export type { HeaderField } from './simulate/header-list.js';
export type {
  ClientAuth,
  ClientMail,
  ClientOptions,
  ClientTls,
  Mail,
  MailHeader,
  MailRecipient,
  Path,
} from './simulate/mail.js';
export { MtaSession, type MtaSessionOptions } from './simulate/mta-session.js';
export { EmlError, parseEml, type EmlParts } from './simulate/parse-eml.js';
export { describeMessage } from '../transport/wire/describe-message.js';
