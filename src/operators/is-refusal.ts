import type { Flow, Reply } from '../session/flow.js';

/** Whether it says that a message does not pass: then nothing else about it matters, and it need not be read on. */
export function isRefusal(flow: Flow): flow is Reply {
  if (flow.stage !== 'reply') return false;
  const { kind } = flow.decision;
  return kind === 'reject' || kind === 'tempfail' || kind === 'discard';
}
