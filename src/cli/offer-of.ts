import type { MtaOffer } from '../mta/client/agreement.js';
import { UsageError } from './usage-error.js';

/** What Postfix offers at each version that it can be configured for (`milter_protocol`). */
const OFFERS: Readonly<Record<string, MtaOffer>> = {
  2: { version: 2, actions: 0x1ff, protocol: 0x7f },
  3: { version: 3, actions: 0x1ff, protocol: 0x17f },
  4: { version: 4, actions: 0x1ff, protocol: 0x37f },
  6: { version: 6, actions: 0x1ff, protocol: 0x1fffff },
};

/**
 * What to offer for the given version of the protocol.
 *
 * @throws UsageError where no mail server has it
 */
export function offerOf(version: string): MtaOffer {
  const offer = Object.hasOwn(OFFERS, version) ? OFFERS[version] : undefined;
  if (offer !== undefined) return offer;
  throw new UsageError(
    `--protocol ${version}: mail servers have no such version. Use ${Object.keys(OFFERS).join(', ')}.`,
  );
}
