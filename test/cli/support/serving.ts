import { serve, type Filter, type ServeOptions } from 'rxmilter';
import { onTestFinished } from 'vitest';

/** Serves a filter on a free port until the end of the test; resolves with its address. */
export async function serving(filter: Filter, options: Partial<ServeOptions> = {}): Promise<string> {
  const server = await serve(filter, { listen: 'inet:0@127.0.0.1', onError: () => undefined, ...options });
  onTestFinished(() => server.destroy());
  return server.address;
}
