// @ts-check
import promClient from 'prom-client';
import { compose, observe } from 'rxmilter';

const { Counter, Gauge, Histogram } = promClient;

/** The names that an error may be counted under: what strangers can bring about must not make new series. */
const ERRORS = new Set([
  'AnswerError',
  'NegotiationError',
  'ProjectError',
  'ProtocolError',
  'StaleReplyError',
  'UnansweredError',
  'UngrantedError',
]);

/**
 * Counts what becomes of events and messages. No label has values without a limit: no address, no client, no text.
 *
 * @param {import('prom-client').Registry} register
 */
export function mailMetrics(register) {
  const registers = [register];
  const outcomes = new Counter({
    name: 'rxmilter_outcomes_total',
    help: 'Events that were answered, and failures apart from one (decision "failure")',
    labelNames: ['stage', 'decision'],
    registers,
  });
  const answerSeconds = new Histogram({
    name: 'rxmilter_answer_seconds',
    help: 'Time from an event to its answer',
    labelNames: ['stage'],
    buckets: [0.001, 0.005, 0.025, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300],
    registers,
  });
  const errors = new Counter({
    name: 'rxmilter_errors_total',
    help: 'What went wrong, by its kind',
    labelNames: ['stage', 'error'],
    registers,
  });
  const modifications = new Counter({
    name: 'rxmilter_modifications_total',
    help: 'Changes of messages that the MTA was asked for',
    labelNames: ['kind'],
    registers,
  });
  const bytes = new Histogram({
    name: 'rxmilter_message_bytes',
    help: 'Bytes that the MTA has sent of a message, at its end',
    buckets: [1e3, 1e4, 1e5, 1e6, 1e7, 1e8],
    registers,
  });
  const rounds = new Histogram({
    name: 'rxmilter_message_rounds',
    help: 'How often the MTA has waited for the filter in a message, at its end',
    buckets: [1, 2, 5, 10, 20, 50, 100, 200],
    registers,
  });
  const connections = new Gauge({
    name: 'rxmilter_connections',
    help: 'SMTP sessions that are open now',
    registers,
  });

  /** Those that are counted: an MTA may go before it has told of a client. */
  const open = new WeakSet();
  return {
    /** To be composed with the filter. */
    filter: compose(
      observe('connect', ({ session }) => {
        if (open.has(session)) return;
        open.add(session);
        connections.inc();
      }),
      observe('close', ({ session }) => {
        if (open.delete(session)) connections.dec();
      }),
    ),

    /** To be subscribed to the outcomes. @param {import('rxmilter').Outcome} outcome */
    count(outcome) {
      const { stage, decision, elapsed, error } = outcome;
      const failed = error !== undefined && decision === undefined;
      outcomes.inc({ stage, decision: decision?.kind ?? (failed ? 'failure' : 'none') });
      if (!failed) answerSeconds.observe({ stage }, elapsed / 1000);
      if (error !== undefined) errors.inc({ stage, error: ERRORS.has(error.name) ? error.name : 'other' });
      for (const { kind } of outcome.modifications) modifications.inc({ kind });
      if (stage !== 'eom' || failed) return;
      bytes.observe(outcome.bytes);
      rounds.observe(outcome.rounds);
    },
  };
}
