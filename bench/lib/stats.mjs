/** @param {readonly number[]} values */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Collects durations without allocating for each, and gives their percentiles. */
export class Durations {
  #values = new Float64Array(1 << 16);
  #count = 0;

  /** @param {number} value */
  add(value) {
    if (this.#count === this.#values.length) {
      const wider = new Float64Array(this.#count * 2);
      wider.set(this.#values);
      this.#values = wider;
    }
    this.#values[this.#count++] = value;
  }

  /** @param {readonly number[]} ranks between 0 and 1 */
  percentiles(...ranks) {
    const sorted = this.#values.subarray(0, this.#count).sort();
    return ranks.map((rank) => sorted[Math.min(this.#count - 1, Math.floor(rank * this.#count))] ?? NaN);
  }
}
