import type { OperatorFunction } from 'rxjs';

import { checkOptions, pickOptions, type Rules } from '../common/options.js';
import { type MtaConnectionOptions, CONNECTION_RULES } from '../mta/client/connection-options.js';
import { wireMacros } from '../mta/client/macros.js';
import { MtaConnection } from '../mta/client/mta-connection.js';
import { type MtaSessionOptions, MTA_SESSION_RULES } from '../mta/simulate/mta-session.js';
import type { Flow } from '../session/flow.js';
import type { Outcome } from '../session/outcome.js';
import { Simulation } from './simulation.js';

/**
 * How a filter is run by an MTA that is none. `session` is what `serve()` would be told, `chunks` how the bytes are cut
 * on their way (`'whole'`, `'bytes'` or `{ seed: 1 }`), `offer` what the MTA can do, `macros` what it knows,
 * by name, with or without braces.
 */
export type SimulateOptions = Omit<MtaSessionOptions, 'to'>;

const { to: _to, ...SIMULATE_RULES }: Rules<MtaSessionOptions> = MTA_SESSION_RULES;

/**
 * Runs a filter as an MTA would have it: the real session and the real bytes, without a socket. Step by step, or with
 * whole mails; promises work, and so do the fake timers of a test runner.
 *
 * @throws MilterError where the filter does not agree to the offer, such as one that `requires` more
 * @throws TypeError, RangeError what wrong options throw
 * @example
 * const mta = await simulate(filter);
 * const { verdict } = await mta.rcpt('nobody@example.org'); // 'reject'
 * await mta.close();
 */
export async function simulate(
  filter: OperatorFunction<Flow, Flow>,
  options: SimulateOptions = {},
): Promise<Simulation> {
  checkOptions('simulate()', options, SIMULATE_RULES);
  const outcomes: Outcome[] = [];
  const noting: SimulateOptions = {
    ...options,
    transcript: true,
    macros: wireMacros(options.macros ?? {}),
    outcome: (outcome) => {
      outcomes.push(outcome);
      options.outcome?.(outcome);
    },
  };
  return new Simulation(
    await MtaConnection.open(filter, pickOptions<MtaConnectionOptions>(noting, CONNECTION_RULES)),
    { ...noting, to: filter },
    outcomes,
  );
}
