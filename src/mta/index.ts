import '../common/check-node.js';

/**
 * The other side: speaks the milter protocol as an MTA does. Experimental: what is exported here may change in any
 * version.
 */
export { DEFAULT_OFFER, type Agreement, type Offer } from './client/agreement.js';
export type { MtaEvent } from './client/agenda.js';
export type { Answer } from './client/answer.js';
export type { Chunking } from './client/chunking.js';
export type { ClientMail, ClientOptions } from './simulate/client-mail.js';
export type { ClientAuth, ClientTls } from './simulate/client-security.js';
export { deliver } from './simulate/deliver.js';
export { deliveries, type DeliveriesOptions } from './simulate/deliveries.js';
export type { Delivery, DeliveryOutcome, DeliveryStep } from './simulate/delivery.js';
export { describeMessage } from '../transport/wire/describe-message.js';
export { EmlError } from './simulate/eml-error.js';
export type { Exchange } from './client/exchange.js';
export { filterEnd, type FilterEndOptions } from './client/filter-end.js';
export { formatReply } from './simulate/format-reply.js';
export type { FailurePolicy } from './simulate/guarded-milter.js';
export type { HeaderField } from './simulate/header-field.js';
export type { Macros } from './client/macro-lists.js';
export type { Mail, MailHeader, MailRecipient, Path } from './simulate/mail.js';
export { MilterError, type MilterFailure } from './client/milter-error.js';
export type { WireModification } from './client/modification-list.js';
export type { MilterTarget } from './client/milter-target.js';
export type { MtaKind } from './client/mta-kind.js';
export { MtaConnection } from './client/mta-connection.js';
export type { MtaConnectionOptions, MtaLimits, MtaTimeouts } from './client/mta-connection-options.js';
export { MtaSession, type MtaSessionOptions } from './simulate/mta-session.js';
export { parseEml, type EmlParts } from './simulate/parse-eml.js';
export { sessionDeliveries } from './simulate/session-deliveries.js';
export type { Verdict } from './client/verdict.js';
