import { workSection } from './busy.mjs';
import { groups } from './figures.mjs';
import { growthSection, messagesSection } from './growth.mjs';
import { idleSection } from './idle.mjs';
import { memorySection } from './memory.mjs';

/** @param {readonly import('./figures.mjs').Sample[]} samples */
export function report(samples) {
  const of = (/** @type {string} */ mode) =>
    samples.filter(({ cell }) => cell.mode === mode && cell.grown === undefined);
  const grown = samples.filter(({ cell }) => cell.grown !== undefined);
  const [busy, idle, memory, messages] = ['busy', 'idle', 'memory', 'messages'].map(of);
  return [
    ...[...groups(busy, ({ cell }) => cell.work)].map(([work, own]) => workSection(work, own, busy)),
    ...(idle.length > 0 ? [idleSection(idle)] : []),
    ...(memory.length > 0 ? [memorySection(memory)] : []),
    ...growthSection(grown),
    ...(messages.length > 0 ? [messagesSection(messages)] : []),
  ].join('\n\n');
}
