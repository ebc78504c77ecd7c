import { makeFilter, type Filter } from '../../operators/core/filter.js';
import { tagsFor } from '../../session/negotiation/tags.js';
import { BIT } from '../../session/stage.js';
import type { EndpointInput } from '../../transport/sockets/endpoint.js';
import { resolveRemote, type RemoteOptions } from './remote-options.js';
import { RemoteRun } from './remote-run.js';

/**
 * A milter elsewhere (OpenDKIM, a virus scanner, another rxmilter) as a filter.
 *
 * It is talked to as an MTA does: one connection for each SMTP connection, made when the first event needs it, and each
 * event waits for its answer. Its refusals, discards and modifications become those of this pipeline; that it accepts a
 * message, or has seen enough of a body, only ends its own interest in it, and later filters are still asked. What
 * earlier filters change it does not see.
 *
 * Where it cannot be reached, is too slow or breaks the protocol, `failure` decides that event and the rest of its
 * message, and a `RemoteError` is reported; the next message tries again. Where the message is aborted, the SMTP
 * connection lost or the time up while it owes an answer, its connection is closed; otherwise it is told.
 *
 * @throws EndpointError, TypeError, RangeError or AnswerError where an argument is wrong
 * @example
 * serve(remote('inet:8891@127.0.0.1', { failure: 'pass' }), { listen: 'inet:8892@127.0.0.1', leadingSpace: true });
 */
export function remote(endpoint: EndpointInput, options: RemoteOptions = {}): Filter {
  const settings = resolveRemote(endpoint, options);
  // Who connects, greets, sends and receives is kept, so that it can be told at whatever event comes first.
  const observes = BIT.connect | BIT.helo | BIT.mail | BIT.rcpt;
  return makeFilter([
    {
      tags: tagsFor(settings.stages, observes),
      interest: settings.stages | observes | BIT.reply | BIT.abort | BIT.close,
      open: (down) => new RemoteRun(settings, down),
    },
  ]);
}
