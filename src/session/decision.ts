import type { LegalStages } from './legal.js';
import type { SmtpReply } from './smtp-reply.js';
import type { Stage } from './stage.js';

/** Go on (the protocol's CONTINUE). As a decision it also keeps later filters from deciding. */
export interface Proceed {
  readonly kind: 'proceed';
}
/** Done: the rest of the message, or at `connect` and `helo` of the connection, passes unfiltered. */
export interface Accept {
  readonly kind: 'accept';
}
/** Refused for good (5xx). */
export interface Reject {
  readonly kind: 'reject';
  readonly reply?: SmtpReply;
}
/** Refused for now (4xx): the client is to try again. */
export interface Tempfail {
  readonly kind: 'tempfail';
  readonly reply?: SmtpReply;
}
/** Swallowed: the client sees success, nobody gets the message. */
export interface Discard {
  readonly kind: 'discard';
}
/** Enough of the body: no more of it is sent. */
export interface Skip {
  readonly kind: 'skip';
}

/** What a filter may decide. */
export type Decision = Proceed | Accept | Reject | Tempfail | Discard | Skip;

type KindAt<S extends Stage> = {
  [K in keyof LegalStages]: [S] extends [LegalStages[K]] ? K : never;
}[keyof LegalStages];

/** The decisions that may be given at stage `S`; for several stages, those that may be given at each of them. */
export type DecisionAt<S extends Stage> = Extract<Decision, { readonly kind: KindAt<S> }>;
