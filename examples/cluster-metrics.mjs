// @ts-check
import promClient from 'prom-client';

const { AggregatorRegistry } = promClient;

/** @typedef {import('prom-client').MetricObjectWithValues<import('prom-client').MetricValue<string>>} Metric */

/**
 * The metrics of several workers as if they were of one. What a worker has counted stays when it ends, or counters would
 * go down at each restart; what it had open goes with it.
 */
export class MergedMetrics {
  /** @type {Map<object, Metric[]>} */
  #living = new Map();
  /** @type {Promise<Metric[]>} */
  #ended = Promise.resolve([]);
  /** Those of which nothing counts any more: it would count twice. @type {WeakSet<object>} */
  #gone = new WeakSet();

  /**
   * Takes what `register.getMetricsAsJSON()` gave in a worker, in the place of what there was of it; nothing from one that
   * has ended.
   *
   * @param {object} worker
   * @param {Metric[]} metrics
   */
  set(worker, metrics) {
    if (!this.#gone.has(worker)) this.#living.set(worker, metrics);
  }

  /** @param {object} worker */
  end(worker) {
    const last = this.#living.get(worker) ?? [];
    this.#living.delete(worker);
    this.#gone.add(worker);
    // A thousand restarts take no more memory than one.
    this.#ended = this.#ended.then(async (ended) => {
      try {
        return await sum([ended, last.filter(({ type }) => String(type) !== 'gauge')]).getMetricsAsJSON();
      } catch {
        return ended; // of a program that counts otherwise than its successor
      }
    });
  }

  /** The sum, as Prometheus reads it. */
  async text() {
    for (;;) {
      const before = this.#ended;
      const ended = await before;
      // A worker that has ended meanwhile would be in neither.
      if (before === this.#ended) return sum([ended, ...this.#living.values()]).metrics();
    }
  }
}

/** @param {Metric[][]} parts */
function sum(parts) {
  return AggregatorRegistry.aggregate(parts);
}
