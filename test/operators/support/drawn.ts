import { Subject, Subscription, type OperatorFunction } from 'rxjs';
import type { Flow } from 'rxmilter';

/** A filter at work on events that come one by one, for what promises and generators do: marbles know no promises. */
export interface Running {
  readonly source: Subject<Flow>;
  /** What came out. */
  readonly out: Flow[];
  readonly errors: unknown[];
  completed: boolean;
  unsubscribe(): void;
}

/** Subscribes to the filter. */
export function run(filter: OperatorFunction<Flow, Flow>): Running {
  const source = new Subject<Flow>();
  const out: Flow[] = [];
  const errors: unknown[] = [];
  const subscription = new Subscription();
  const running: Running = {
    source,
    out,
    errors,
    completed: false,
    unsubscribe: () => subscription.unsubscribe(),
  };
  subscription.add(
    filter(source).subscribe({
      next: (flow) => out.push(flow),
      error: (error: unknown) => errors.push(error),
      complete: () => (running.completed = true),
    }),
  );
  return running;
}

/** Lets every promise that is due come about. */
export async function settle(): Promise<void> {
  for (let round = 0; round < 30; round++) await Promise.resolve();
}
