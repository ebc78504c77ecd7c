import '../common/check-node.js';

/**
 * The other side: speaks the milter protocol as an MTA does. Experimental: what is exported here may change in any
 * version.
 */
export { DEFAULT_OFFER, type Agreement, type Offer } from './agreement.js';
export type { MtaEvent } from './agenda.js';
export type { Answer } from './answer.js';
export type { Chunking } from './chunking.js';
export type { ClientMail, ClientOptions } from './client-mail.js';
export type { ClientAuth, ClientTls } from './client-security.js';
export { deliver } from './deliver.js';
export { deliveries, type DeliveriesOptions } from './deliveries.js';
export type { Delivery, DeliveryOutcome, DeliveryStep } from './delivery.js';
export { describeMessage } from '../transport/wire/describe-message.js';
export { EmlError } from './eml-error.js';
export type { Exchange } from './exchange.js';
export { filterEnd, type FilterEndOptions } from './filter-end.js';
export { formatReply } from './format-reply.js';
export type { FailurePolicy } from './guarded-milter.js';
export type { HeaderField } from './header-field.js';
export type { Macros } from './macro-lists.js';
export type { Mail, MailHeader, MailRecipient, Path } from './mail.js';
export { MilterError, type MilterFailure } from './milter-error.js';
export type { WireModification } from './modification-list.js';
export type { MilterTarget } from './milter-target.js';
export type { MtaKind } from './mta-kind.js';
export { MtaConnection } from './mta-connection.js';
export type { MtaConnectionOptions, MtaLimits, MtaTimeouts } from './mta-connection-options.js';
export { MtaSession, type MtaSessionOptions } from './mta-session.js';
export { parseEml, type EmlParts } from './parse-eml.js';
export { sessionDeliveries } from './session-deliveries.js';
export type { Verdict } from './verdict.js';
