import type { StageEvent } from '../../session/flow.js';
import { wireName } from '../../session/negotiation/macro-name.js';
import type { SessionInfo } from '../../session/session-info.js';
import type { MtaEvent } from '../client/agenda.js';
import type { Macros } from '../client/macro-lists.js';

/** The most that fits into a body frame. */
const CHUNK = 65_535;
const NOTHING = Buffer.alloc(0);

/**
 * An event as the commands that tell it, byte for byte as it came: one, or for a large piece of a body several.
 *
 * @param value what a header value is to that milter
 */
export function commandsOf(event: StageEvent, value: (raw: Uint8Array) => Uint8Array): MtaEvent[] {
  switch (event.stage) {
    case 'connect': {
      const { host, family, port, address, raw } = event;
      return [{ type: 'connect', host, family, port, address, raw }];
    }
    case 'helo':
      return [{ type: 'helo', text: event.name, raw: event.raw }];
    case 'mail':
    case 'rcpt':
      return [{ type: event.stage, address: event.address, args: event.args, raw: event.raw }];
    case 'header':
      return [{ type: 'header', name: event.name, value: event.value, raw: value(event.raw) }];
    case 'body': {
      const pieces: MtaEvent[] = [];
      const { buffer, byteOffset, length } = event.chunk;
      const data = Buffer.from(buffer, byteOffset, length);
      for (let at = 0; at < length; at += CHUNK) {
        pieces.push({ type: 'body', data: data.subarray(at, at + CHUNK) });
      }
      return pieces;
    }
    case 'unknown':
      return [{ type: 'unknown', text: event.command, raw: event.raw }];
    case 'eom':
      return [{ type: 'eom', data: NOTHING }];
    default:
      return [{ type: event.stage }];
  }
}

/** The macros in scope with their names as on the wire, and those that were given beside them. */
export function macrosOf(session: SessionInfo, given: Macros): Macros {
  const macros: Record<string, string | undefined> = {};
  for (const [name, value] of Object.entries(session.macros.all())) {
    macros[wireName(name)] = value;
  }
  return { ...macros, ...given };
}
