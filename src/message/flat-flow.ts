import type { ChunkFlow } from './chunk-flow.js';

/**
 * The same flow, but it may be asked from within its own answer: however many pieces are there at once, the stack does
 * not grow with them.
 */
export function flatFlow(flow: ChunkFlow): ChunkFlow {
  let asking = false;
  let again = false;
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
      again = false;
      flow.stop();
    },
  };

  function take(): boolean {
    const asked = again;
    again = false;
    return asked;
  }
}
