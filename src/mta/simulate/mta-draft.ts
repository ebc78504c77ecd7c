import type { KnownProfile } from '../../session/profiles/profile.js';
import { REPLIES } from '../../transport/wire/replies.js';
import { type WireModification, argumentWords } from '../client/modification-list.js';
import type { HeaderChange, HeaderList } from './header-list.js';
import type { MailServer, RecipientRules } from './mail-server.js';
import { type Mail, type Path, pathOf, withLineEnds } from './mail.js';

export interface MtaDraft {
  sender: Required<Path>;
  readonly recipients: RecipientList;
  readonly headers: HeaderList;
  body: Buffer;
  quarantined: string | undefined;
}

/** A message as it came, with the header that its MTA has made of the one that came. */
export function draftOf(mail: Mail, headers: HeaderList, rules: RecipientRules): MtaDraft {
  const { body = '' } = mail;
  return {
    sender: pathOf(mail.sender),
    recipients: new RecipientList(rules, mail.recipients.map(pathOf)),
    headers,
    body: typeof body === 'string' ? withLineEnds(Buffer.from(body)) : Buffer.from(body),
    quarantined: undefined,
  };
}

export class RecipientList {
  readonly #rules: RecipientRules;
  readonly #entries = new Map<string, Required<Path>>();
  readonly #removed = new Map<string, Required<Path>>();

  constructor(rules: RecipientRules, recipients: readonly Required<Path>[]) {
    this.#rules = rules;
    this.replace(recipients);
  }

  replace(recipients: readonly Required<Path>[]): void {
    this.#entries.clear();
    this.#removed.clear();
    for (const recipient of recipients) this.#add(recipient, 'client');
  }

  /** Adds a recipient that a milter wants; a null address adds none. */
  add(recipient: Required<Path>): void {
    if (recipient.address === '' || this.#rules.takes?.(recipient) === false) return;
    const old = this.#removed.get(this.#rules.key(recipient, 'milter'));
    this.#add(old === undefined ? recipient : (this.#rules.again?.(old, recipient) ?? recipient), 'milter');
  }

  /** Removes the recipients with this address, which is compared byte for byte. */
  remove(address: string): void {
    for (const [key, recipient] of this.#entries) {
      if (address !== (this.#rules.named?.(recipient) ?? recipient.address)) continue;
      this.#entries.delete(key);
      this.#removed.set(key, recipient);
    }
  }

  list(): Required<Path>[] {
    return [...this.#entries.values()];
  }

  #add(recipient: Required<Path>, by: 'client' | 'milter'): void {
    const key = this.#rules.key(recipient, by);
    if (!this.#entries.has(key)) this.#entries.set(key, recipient);
  }
}

/** Postfix keeps so much of the reason for a quarantine. */
const REASON_BYTES = 100;

/**
 * Changes a message as the milter wants it, by the rules of its MTA, which passes over what it has not offered: the body,
 * the header, and the envelope, each in the order in which the milter said it.
 */
export function applyModifications(
  draft: MtaDraft,
  modifications: readonly WireModification[],
  { profile, server }: { readonly profile: KnownProfile; readonly server: MailServer },
): void {
  const wanted = modifications.filter(({ type }) => (REPLIES[type].right & profile.offer.actions) !== 0);
  const pieces = wanted.flatMap((one) => (one.type === 'replaceBody' ? [one.data] : []));
  const body = Buffer.concat(pieces);
  if (profile.needsBody ? body.length > 0 : pieces.length > 0) {
    draft.body = server.keepsLineEnds === true ? body : withLineEnds(body);
  }
  draft.headers.apply(wanted.flatMap((one) => headerChange(one, server)));
  for (const one of wanted) {
    switch (one.type) {
      case 'addRecipient':
        draft.recipients.add(pathFrom(one.text));
        break;
      case 'addRecipientPar':
        draft.recipients.add(pathFrom(one.address, one.args));
        break;
      case 'deleteRecipient':
        draft.recipients.remove(pathFrom(one.text).address);
        break;
      case 'changeSender':
        draft.sender = pathFrom(one.address, one.args);
        break;
      case 'quarantine':
        if (server.quarantineField === undefined) {
          draft.quarantined = Buffer.from(one.text).subarray(0, REASON_BYTES).toString();
        }
    }
  }
}

function headerChange(one: WireModification, { quarantineField }: MailServer): HeaderChange[] {
  if ('name' in one) return [one];
  if (one.type !== 'quarantine' || quarantineField === undefined) return [];
  return [{ type: 'addHeader', name: quarantineField, value: one.text }];
}

/** An address of an envelope command, without the brackets that SMTP has around it. */
function pathFrom(address: string, args: readonly string[] = []): Required<Path> {
  return { address: /^<(.*)>$/s.exec(address)?.[1] ?? address, args: argumentWords(args) };
}
