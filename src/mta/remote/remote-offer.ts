import type { SessionInfo } from '../../session/session-info.js';
import { BIT } from '../../session/stage.js';
import { SMFIF, SMFIP } from '../../transport/wire/flags.js';
import { DEFAULT_OFFER, type Offer } from '../client/agreement.js';

/**
 * What a milter elsewhere is offered: what the MTA lets us do, so that it cannot ask for what nobody would do. One that is
 * never asked at the end of a message is offered everything: it would otherwise refuse to work at all.
 *
 * The blank after the colon is its business only where it is ours, and rejected recipients are shown to it only where
 * they are to us.
 */
export function offerFor(session: SessionInfo, stages: number): Offer {
  const granted = session.rights.reduce<number>((set, right) => set | SMFIF[right], SMFIF.SETSYMLIST);
  const actions = (stages & BIT.eom) === 0 ? DEFAULT_OFFER.actions : granted;
  let { protocol } = DEFAULT_OFFER;
  if (!session.leadingSpace) protocol &= ~SMFIP.HDR_LEADSPC;
  if (!session.protocol.includes('RCPT_REJ')) protocol &= ~SMFIP.RCPT_REJ;
  return { version: DEFAULT_OFFER.version, actions, protocol };
}
