import { expect } from 'vitest';

import type { MtaBench } from './mta-bench.js';
import type { SmtpLoad } from './smtp-load.js';

const TAKEN = '2';
const PUT_OFF = '4';

/**
 * Every message of that load was answered with 250 and delivered once, by what `filtered` says as it is to be, or put
 * off and not delivered at all; no client was refused anything for good.
 */
export async function expectNothingLost(
  bench: MtaBench,
  load: SmtpLoad,
  filtered = 'X-Filtered: ',
): Promise<void> {
  await bench.idle();
  expect(await bench.held()).toEqual([]);
  const taken = [...load.replies].filter(([, reply]) => reply.startsWith(TAKEN)).map(([subject]) => subject);
  const others = [...load.replies.values()].filter(
    (reply) => !reply.startsWith(TAKEN) && !reply.startsWith(PUT_OFF),
  );
  const delivered = bench.sink.kept.map(({ data }) => data.toString());

  expect(others).toEqual([]);
  expect(delivered.map((text) => /^Subject: (.+)\r$/m.exec(text)?.[1]).sort()).toEqual(taken.sort());
  expect(delivered.filter((text) => !text.includes(filtered))).toEqual([]);
}
