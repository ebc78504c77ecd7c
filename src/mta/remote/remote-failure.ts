import { errorFrom } from '../../common/text-of.js';
import type { Decision } from '../../session/decisions.js';
import { failureAt } from '../../session/failures.js';
import type { Stage } from '../../session/stage.js';
import { formatEndpoint } from '../../transport/sockets/endpoint.js';
import { MilterError } from '../client/milter-error.js';
import { refusalOf, type RemoteAnswer } from './remote-answer.js';
import { RemoteError } from './remote-error.js';
import type { ResolvedRemote } from './remote-options.js';

/** How long a milter elsewhere may take for an event, in milliseconds. */
export function limitAt(stage: Stage, { timeouts }: ResolvedRemote): number {
  if (stage === 'eom') return timeouts.eom;
  return stage === 'header' || stage === 'eoh' || stage === 'body' ? timeouts.content : timeouts.command;
}

/** What an event gets that it cannot be asked about; `undefined` where it passes. */
export function policyAt(stage: Stage, { failure }: ResolvedRemote): Decision | undefined {
  return failure && failureAt(stage, failure);
}

/** The same for the event at which it failed: with what is to be reported, and with its refusal where it was one. */
export function failedAt(stage: Stage, error: unknown, settings: ResolvedRemote): RemoteAnswer {
  const cause = errorFrom(error);
  const refusal = cause instanceof MilterError ? cause.refusal : undefined;
  const decision = refusal === undefined ? policyAt(stage, settings) : refusalOf(refusal);
  const instead =
    decision === undefined
      ? 'the message passes without it'
      : refusal === undefined
        ? `the answer is ${decision.kind}`
        : 'its refusal stands';
  return { decision, error: new RemoteError(stage, formatEndpoint(settings.endpoint), instead, cause) };
}
