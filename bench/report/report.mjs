import { workSection } from './busy.mjs';
import { groups } from './figures.mjs';
import { idleSection } from './idle.mjs';
import { memorySection } from './memory.mjs';

/** @param {readonly import('./figures.mjs').Sample[]} samples */
export function report(samples) {
  const busy = samples.filter(({ cell }) => cell.mode === 'busy');
  const idle = samples.filter(({ cell }) => cell.mode === 'idle');
  const sections = [...groups(busy, ({ cell }) => cell.work)].map(([work, own]) =>
    workSection(work, own, busy),
  );
  if (idle.length > 0) sections.push(idleSection(idle));
  const memory = samples.filter(({ cell }) => cell.mode === 'memory');
  if (memory.length > 0) sections.push(memorySection(memory));
  return sections.join('\n\n');
}
