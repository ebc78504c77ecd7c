import type { OperatorFunction } from 'rxjs';
import type { Flow } from 'rxmilter';

import { runSnippet } from './run-snippet.js';
import { serving } from './serving.js';

/** What most snippets declare. */
export interface WithFilter {
  readonly filter: OperatorFunction<Flow, Flow>;
}

/** Runs a snippet that declares `filter`, and serves that. */
export async function servingSnippet(
  name: string,
  application: Readonly<Record<string, unknown>> = {},
  options: Parameters<typeof serving>[1] = {},
): ReturnType<typeof serving> {
  const { filter } = await runSnippet<WithFilter>(name, application);
  return serving(filter, options);
}
