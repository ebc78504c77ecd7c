import { pickOptions, withDefaults } from '../../common/options.js';
import { parseEndpoint } from '../../transport/sockets/endpoint.js';
import { commandCodec, type Command } from '../../transport/wire/commands.js';
import { habitsOf } from '../simulate/habits-of.js';
import { FILTER_END_RULES } from '../simulate/option-rules.js';
import { agree, completeOffer, type Agreement } from './agreement.js';
import type { Exchange } from './exchange.js';
import { filterEnd, type FilterEndOptions } from './filter-end.js';
import { MilterError } from './milter-error.js';
import type { MilterTarget } from './milter-target.js';
import { DEFAULT_LIMITS, DEFAULT_TIMEOUTS, type MtaConnectionOptions } from './mta-connection-options.js';
import { openSocket } from './open-socket.js';
import { ReplyStream } from './reply-stream.js';

/** A connection to a milter that has agreed. */
export interface Negotiated {
  readonly stream: ReplyStream;
  readonly agreement: Agreement;
  readonly exchange: Exchange;
}

/**
 * Connects to a milter and negotiates.
 *
 * @throws MilterError where it is not there, or wants what was not offered
 * @throws EndpointError where `to` is no endpoint
 * @throws RangeError, TypeError where an option is wrong; the signal's reason where it is aborted
 */
export async function negotiate(to: MilterTarget, options: MtaConnectionOptions): Promise<Negotiated> {
  const timeouts = withDefaults(DEFAULT_TIMEOUTS, options.timeouts);
  const offer = completeOffer(options.offer ?? {}, habitsOf(options.mta).oldActions);
  const limits = withDefaults(DEFAULT_LIMITS, options.limits);
  const { signal } = options;
  signal?.throwIfAborted();
  const end =
    typeof to === 'function'
      ? filterEnd(to, pickOptions<FilterEndOptions>(options, FILTER_END_RULES))
      : await openSocket(parseEndpoint(to), timeouts.connect, signal);
  const stream = new ReplyStream(end, limits.replyBytes, signal);
  try {
    const sent: Command = { type: 'optneg', ...offer, lists: [] };
    await stream.write(commandCodec.encode(sent), timeouts.command);
    const answer = await stream.next(timeouts.command);
    if (answer.type !== 'optneg') {
      throw new MilterError('negotiation', 'optneg', `it answered the offer with ${answer.type}`);
    }
    return { stream, agreement: agree(offer, answer), exchange: { sent: [sent], received: [answer] } };
  } catch (error) {
    stream.destroy();
    throw error;
  }
}
