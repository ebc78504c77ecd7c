import { executionAsyncResource } from 'node:async_hooks';

/**
 * Whether a test of Vitest, Jest or node:test is being run, and not the file that declares the tests: from what these
 * runners leave where code outside of them can see it. `false` with any other.
 */
export function testIsRunning(): boolean {
  const { __vitest_worker__: vitest } = globalThis as { readonly __vitest_worker__?: VitestWorker };
  if (vitest !== undefined) return vitest.current?.type === 'test';
  const jest = (globalThis as Record<symbol, unknown>)[Symbol.for('$$jest-matchers-object')];
  if (jest !== undefined) return (jest as JestMatchers).state?.currentTestName !== undefined;
  // The callback of a test runs in the scope of an object of this class; that of describe() in one of another.
  return executionAsyncResource().constructor.name === 'Test';
}

interface VitestWorker {
  readonly current?: { readonly type?: unknown } | undefined;
}

interface JestMatchers {
  readonly state?: { readonly currentTestName?: unknown };
}
