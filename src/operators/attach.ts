import type { Connection } from '../session/connection/connection.js';
import type { Tags } from '../session/tags.js';
import { openChain } from './chain.js';
import type { Step, Upstream } from './step.js';

/** The filters of a connection, and what they need of its negotiation. */
export interface Steps {
  readonly steps: readonly Step[];
  readonly tags: Tags;
}

/**
 * Attaches filters to a connection: its events go through them, and come back to it as answers.
 *
 * A filter that cannot be started costs the connection.
 *
 * @returns the running filters; `undefined` where one could not be started
 */
export function attach(connection: Connection, { steps, tags }: Steps): Upstream | undefined {
  try {
    const chain = openChain(steps, connection);
    connection.attach(chain, tags);
    return chain;
  } catch (error) {
    connection.error(error);
    return undefined;
  }
}
