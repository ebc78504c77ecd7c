import fc from 'fast-check';

/** How many times the usual number of runs is wanted. */
const FACTOR = numberOf('RXMILTER_FUZZ_RUNS') ?? 1;
/** Always the same by default: whoever changes something else is not to be surprised by an old fault. */
const SEED = numberOf('RXMILTER_FUZZ_SEED') ?? 20_260_719;

/** What a test of these may take, in milliseconds. */
export const FUZZ_TIMEOUT = 60_000 * Math.max(1, FACTOR);

/** Tries so many values. A failure prints the seed, the smallest value that fails, and what was said. */
export async function fuzz<T>(
  runs: number,
  values: fc.Arbitrary<T>,
  run: (value: T) => Promise<void> | void,
): Promise<void> {
  await fc.assert(
    fc.asyncProperty(values, async (value) => {
      await run(value);
    }),
    {
      numRuns: Math.max(1, Math.round(runs * FACTOR)),
      seed: SEED,
      // The smallest example takes its time; beyond this a larger one has to do.
      interruptAfterTimeLimit: FUZZ_TIMEOUT - 5_000,
      markInterruptAsFailure: false,
    },
  );
}

function numberOf(name: string): number | undefined {
  const text = process.env[name];
  if (text === undefined || text === '') return undefined;
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new RangeError(`${name}=${text} is not a number above 0.`);
}
