// @ts-check
// npm install rxmilter rxjs
import { realpathSync } from 'node:fs';
import { Subject, asyncScheduler, filter, scan, shareReplay, startWith } from 'rxjs';
import { compose, on, serve, tempfail } from 'rxmilter';
import { bursts, clientNetwork, rateLimit } from 'rxmilter/policies';

const [MINUTE, HOUR] = [60_000, 3_600_000];

/** @typedef {ReadonlyMap<string, number>} Paused networks, and until when, in milliseconds since 1970 */

/**
 * Limits that hold across all connections of this process, and a pause for who does not stop.
 *
 * Clients, users, senders and subjects have their share of each hour. A network that is refused often within a minute is
 * deferred at once for a while: what becomes of mail is a stream, too, and decides about the connections to come.
 *
 * @param {{ perClient?: number, perUser?: number, perSender?: number, perSubject?: number, refusals?: number,
 *   pause?: number }} [limits] `refusals` are those of a minute, `pause` is in milliseconds
 */
export function rateLimits(limits = {}) {
  const { perClient = 200, perUser = 500, perSender = 300, perSubject = 100 } = limits;
  const { refusals = 20, pause = 10 * MINUTE } = limits;

  /** @type {Subject<import('rxmilter').Outcome>} */
  const outcomes = new Subject();

  const paused$ = outcomes.pipe(
    // Not those of the pause itself, or it would never end for who keeps trying.
    filter(({ stage, decision }) => {
      const refused = decision?.kind === 'reject' || decision?.kind === 'tempfail';
      return refused && stage !== 'connect';
    }),
    bursts({ key: ({ session }) => clientNetwork(session.client), threshold: refusals, window: MINUTE }),
    scan((paused, { key, until: now }) => {
      // Those that are over go, so that the map stays as small as the trouble is.
      const still = [...paused].filter(([, end]) => end > now);
      return new Map([...still, [key, now + pause]]);
    }, /** @type {Paused} */ (new Map())),
    startWith(/** @type {Paused} */ (new Map())),
    // One for all connections, which stays when the last of them is over.
    shareReplay(1),
  );

  return {
    /** To be fed with what becomes of the mail: `server.outcomes.subscribe(outcomes)`. */
    outcomes,
    filter: compose(
      on('connect', paused$, ({ session }, paused) => {
        const end = paused.get(clientNetwork(session.client)) ?? 0;
        if (end <= asyncScheduler.now()) return undefined;
        return tempfail({ code: 421, enhanced: '4.7.0', text: 'Refused too often, come back later' });
      }),
      rateLimit({ key: 'client', limit: perClient, window: HOUR }),
      rateLimit({ key: 'user', stage: 'rcpt', limit: perUser, window: HOUR }),
      rateLimit({ key: 'sender', limit: perSender, window: HOUR }),
      rateLimit({ key: 'subject', limit: perSubject, window: HOUR }),
    ),
  };
}

// Started as a program, and not imported:
if (import.meta.filename === realpathSync(process.argv[1] ?? '.')) {
  const { filter: limited, outcomes } = rateLimits();
  const server = await serve(limited, { listen: process.argv[2] ?? 'inet:8891@127.0.0.1' });
  server.outcomes.subscribe(outcomes);
  console.log(`Listening on ${server.address}`);
  // Networks are paused by timers, which would keep the process alive.
  for (const signal of ['SIGINT', 'SIGTERM'])
    process.once(signal, () => void server.close().then(() => process.exit()));
}
