import type { ChunkFlow } from '../spool/chunk-flow.js';

/**
 * The same flow, but it may be asked from within its own answer: however many pieces are there at once, the stack does
 * not grow with them. It may be asked when it has been stopped, too, which does nothing.
 */
export function flatFlow(flow: ChunkFlow): ChunkFlow {
  let asking = false;
  let again = false;
  let stopped = false;
  return {
    ask: () => {
      again = true;
      if (asking) return;
      asking = true;
      try {
        while (take()) flow.ask();
      } finally {
        asking = false;
      }
    },
    stop: () => {
      stopped = true;
      flow.stop();
    },
  };

  function take(): boolean {
    const asked = again && !stopped;
    again = false;
    return asked;
  }
}
