import type { BodySource } from '../session/modifications.js';
import type { DraftHeaders } from './draft-headers.js';
import type { DraftRecipients } from './draft-recipients.js';
import type { EnvelopePath } from './envelope-path.js';

/** A message that is being changed; see `edit()`. */
export interface Draft {
  readonly headers: DraftHeaders;
  readonly recipients: DraftRecipients;
  /** To be set with an address, or with one and its ESMTP arguments; `''` is the null sender. */
  get sender(): EnvelopePath;
  set sender(sender: string | { readonly address: string; readonly args?: readonly string[] });
  /** The new body, once it has been set: text, bytes, or a source of either. */
  body: BodySource | undefined;
}
