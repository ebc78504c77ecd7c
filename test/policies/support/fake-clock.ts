import type { SchedulerLike } from 'rxjs';

/** A clock that is set by hand, for what only asks what time it is. */
export interface FakeClock {
  now: number;
  readonly scheduler: SchedulerLike;
}

/** Stands at some time in the middle of a window, as clocks do. */
export function fakeClock(now = 1_700_000_123_456): FakeClock {
  const clock: FakeClock = {
    now,
    scheduler: {
      now: () => clock.now,
      schedule: () => {
        throw new Error('Nothing has to be scheduled here.');
      },
    },
  };
  // So that it can be given as options: the time is not one of them.
  return Object.defineProperty(clock, 'now', { enumerable: false });
}
