// @ts-check

/**
 * Writes one line about each message, when it is over, and one about what went wrong outside of messages. What a line says
 * of a message is what strangers wrote; pino escapes it.
 *
 * @param {import('pino').Logger} logger
 */
export function mailLog(logger) {
  return {
    /** To be subscribed to the messages of a server. @param {import('rxmilter').MessageOutcome} message */
    note({ client, sender, recipients, text, modifications, duration, error, ...message }) {
      const { queueId, helo, result, stage, size, rounds } = message;
      logger[error === undefined ? 'info' : 'error'](
        {
          queueId,
          client: client.address,
          helo,
          from: sender,
          recipients: recipients.length,
          refused: recipients.filter((recipient) => recipient.result !== 'accepted').length,
          result,
          stage,
          reply: text === '' ? undefined : text,
          changes: modifications.map(({ kind }) => kind),
          size,
          rounds,
          ms: Math.round(duration * 10) / 10,
          error: error && `${error.name}: ${error.message}`,
        },
        'message',
      );
    },

    /** To be the server's `onError`: what is in no message. @param {Error} error @param {import('rxmilter').Outcome} outcome */
    failed(error, { session, stage, decision }) {
      if (decision !== undefined && stage !== 'connect' && stage !== 'helo' && stage !== 'unknown') return;
      logger.error(
        { queueId: session.queueId, client: session.client.address, stage, err: error },
        'failure',
      );
    },
  };
}
