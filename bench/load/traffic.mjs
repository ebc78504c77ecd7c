import { workOf } from '../mail/growth.mjs';
import { negotiated, openSessions, planFor, quitAll } from './sessions.mjs';

/**
 * @typedef {object} Meter
 * @property {(milliseconds: number) => void} message called at the end of each message
 * @property {boolean} stopping no further message is to begin
 *
 * @typedef {(request: import('./sessions.mjs').Request, meter: Meter) => Promise<{ finished: Promise<unknown>, trips: number }>} Traffic `trips`: how often a message waits for the filter
 */

/** All connections stay open and send message after message. @type {Traffic} */
async function steady(request, meter) {
  const { clients, plan } = await openSessions(request, { idle: false });
  const endless = clients.map(
    (client) =>
      new Promise((resolve) => {
        let started = performance.now();
        const done = () => {
          const now = performance.now();
          meter.message(now - started);
          if (meter.stopping) return resolve(undefined);
          started = now;
          client.run(plan.next, done);
        };
        client.run(plan.first, done);
      }),
  );
  return { finished: Promise.all(endless).then(() => quitAll(clients)), trips: plan.next.length };
}

/** Each message has a connection of its own, from connecting to QUIT. @type {Traffic} */
async function sessionPerMessage(request, meter) {
  const probe = await negotiated(request);
  const { opening, first } = planOf(request, probe.answer);
  await probe.client.quit();
  const loop = async () => {
    while (!meter.stopping) {
      const started = performance.now();
      const { client, answer } = await negotiated(request);
      const plan = planOf(request, answer);
      await client.open(plan);
      await new Promise((resolve) => client.run(plan.first, () => resolve(undefined)));
      await client.quit();
      meter.message(performance.now() - started);
    }
  };
  // The negotiation is a trip, too.
  const trips = 1 + opening.length + first.length;
  return { finished: Promise.all(Array.from({ length: request.connections }, loop)), trips };
}

/** @type {Map<string, import('../mail/plan.mjs').Plan>} */
const plans = new Map();

/** @param {import('./sessions.mjs').Request} request @param {Buffer} answer */
function planOf(request, answer) {
  const key = answer.toString('hex');
  const plan = plans.get(key) ?? planFor(request, answer);
  plans.set(key, plan);
  return plan;
}

/** @type {Traffic} */
export function traffic(request, meter) {
  return (workOf(request).sessionPerMessage ? sessionPerMessage : steady)(request, meter);
}
