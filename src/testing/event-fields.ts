import type { MilterEvent } from '../session/flow.js';

/** What can be said about an event beside what its factory takes: any field but the stage. */
export type EventFields<E extends MilterEvent> = Partial<Omit<E, 'stage'>>;
