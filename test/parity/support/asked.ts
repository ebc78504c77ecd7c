import type { OperatorFunction } from 'rxjs';
import type { Flow, SessionOptions } from 'rxmilter';

import { replyCodec } from '../../../src/transport/wire/replies.js';
import type { Bytes } from '../../support/session-frames.js';
import { link } from '../../support/session-link.js';
import { hex } from '../../support/vectors.js';

/** What a filter asks the MTA for. */
export interface Asked {
  readonly version: number;
  readonly actions: number;
  readonly protocol: number;
  readonly lists: readonly (readonly [number, string])[];
}

/** What a filter answers to an offer; nothing where it refuses. The offer is all of version 6 unless it is said. */
export function asked(
  filter: OperatorFunction<Flow, Flow>,
  options: SessionOptions = {},
  offer: Bytes = 'C01',
): Asked | undefined {
  const [answer] = link(filter, options).ask(offer);
  if (answer === undefined) return undefined;
  const bytes = hex(answer);
  const reply = replyCodec.decode(bytes.readUInt8(4), bytes, 5, bytes.length);
  if (reply.type !== 'optneg') throw new Error(`Not an answer to an offer: ${reply.type}`);
  const { version, actions, protocol, lists } = reply;
  return { version, actions, protocol, lists };
}
