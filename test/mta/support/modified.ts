import { on, type Modification } from 'rxmilter';
import { expect } from 'vitest';

import type { MtaBench } from './mta-bench.js';
import type { Transaction } from './sink-session.js';
import type { Letter } from './smtp-client.js';

/** What reaches the sink of a message whose filter asks for these modifications at its end. */
export async function modified(
  bench: MtaBench,
  letter: Letter,
  modifications: () => Modification[],
): Promise<Transaction> {
  await bench.serve(on('eom', modifications));
  expect(await (await bench.greeted()).deliver(letter)).toMatch(/^250 /);
  return bench.sink.next();
}
