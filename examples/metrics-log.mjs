// @ts-check
import { compose, observe, on } from 'rxmilter';

/**
 * What is known of a message so far.
 *
 * @typedef {object} Noted
 * @property {string | undefined} from
 * @property {number} recipients that were tried
 * @property {number} refused of these
 * @property {number} ms that the filter took, of all its answers together
 * @property {import('rxmilter').Outcome | undefined} last
 * @property {Error[]} errors
 */

/** The decisions after which there is nothing more of a message, where they are made before its end. */
const FINAL = new Set(['accept', 'reject', 'tempfail', 'discard']);
/** Of an error that comes again and again in one message this many are enough. */
const MOST_ERRORS = 5;

/**
 * Writes one line about each message, when it is over: by the filter's decision, or because the client gave up or had
 * no recipient left. What it says of the message is what strangers wrote; pino escapes it.
 *
 * @param {import('pino').Logger} logger
 */
export function mailLog(logger) {
  // Of the connections that are open, and gone with them.
  /** @type {WeakMap<import('rxmilter').SessionInfo, Noted>} */
  const messages = new WeakMap();

  const noted = (/** @type {import('rxmilter').SessionInfo} */ session) => {
    const there = messages.get(session) ?? begun(undefined);
    messages.set(session, there);
    return there;
  };

  /** @param {import('rxmilter').SessionInfo} session @param {string} end */
  const write = (session, end) => {
    const message = messages.get(session);
    if (message === undefined) return;
    messages.delete(session);
    const { last, errors } = message;
    const reply = last?.decision !== undefined && 'reply' in last.decision ? last.decision.reply : undefined;
    logger[errors.length > 0 ? 'error' : 'info'](
      {
        queueId: session.queueId,
        client: session.client.address,
        helo: session.helo,
        from: message.from,
        recipients: message.recipients,
        refused: message.refused,
        end,
        decision: last?.decision?.kind,
        reply: reply && [reply.code, reply.enhanced, ...reply.lines].filter(Boolean).join(' '),
        changes: last?.modifications.map(({ kind }) => kind),
        rounds: last?.rounds,
        bytes: last?.bytes,
        ms: Math.round(message.ms * 10) / 10,
        errors: errors.length > 0 ? errors.map(({ name, message }) => `${name}: ${message}`) : undefined,
      },
      'message',
    );
  };

  return {
    /** To be composed with the filter. */
    filter: compose(
      observe('mail', ({ session, address }) => void messages.set(session, begun(address))),
      observe('rcpt', ({ session }) => void noted(session).recipients++),
      observe('abort', ({ session }) => write(session, 'abort')),
      on('eom', () => undefined),
    ),

    /** To be subscribed to the outcomes. @param {import('rxmilter').Outcome} outcome */
    note(outcome) {
      const { session, stage, decision } = outcome;
      if (decision === undefined || stage === 'connect' || stage === 'helo' || stage === 'unknown') return;
      const message = noted(session);
      message.last = outcome;
      message.ms += outcome.elapsed;
      if (outcome.error !== undefined && message.errors.length < MOST_ERRORS)
        message.errors.push(outcome.error);
      const refusal = decision.kind === 'reject' || decision.kind === 'tempfail';
      // One recipient of several; and after a refused DATA the MTA may go on with others.
      if (refusal && (stage === 'rcpt' || stage === 'data')) message.refused += stage === 'rcpt' ? 1 : 0;
      else if (stage === 'eom' || FINAL.has(decision.kind)) write(session, stage);
    },

    /** To be the server's `onError`: what is in no message has a line of its own. @param {Error} error @param {import('rxmilter').Outcome} outcome */
    failed(error, { session, stage, decision }) {
      if (decision !== undefined && stage !== 'connect' && stage !== 'helo' && stage !== 'unknown') return;
      logger.error(
        { queueId: session.queueId, client: session.client.address, stage, err: error },
        'failure',
      );
    },
  };
}

/** @param {string | undefined} from @returns {Noted} */
function begun(from) {
  return { from, recipients: 0, refused: 0, ms: 0, last: undefined, errors: [] };
}
