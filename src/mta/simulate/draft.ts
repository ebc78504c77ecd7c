import type { WireModification } from '../client/modification-list.js';
import type { HeaderList } from './header-list.js';
import { bodyBytes, pathOf, withLineEnds, type Mail, type Path } from './mail.js';
import { RecipientList, type RecipientRules } from './recipient-list.js';

/** A message on its way through an MTA, which milters may change. */
export interface Draft {
  sender: Required<Path>;
  readonly recipients: RecipientList;
  readonly headers: HeaderList;
  body: Buffer;
  /** Why it is held, where it is. */
  quarantined: string | undefined;
}

/** A message as it came, with the header that its MTA has made of the one that came. */
export function draftOf(mail: Mail, headers: HeaderList, rules: RecipientRules): Draft {
  return {
    sender: pathOf(mail.sender),
    recipients: new RecipientList(rules, mail.recipients.map(pathOf)),
    headers,
    body: bodyBytes(mail.body ?? ''),
    quarantined: undefined,
  };
}

/** Postfix keeps so much of the reason for a quarantine. */
const REASON_BYTES = 100;

/** Changes a message as the milter wants it, in the order in which the milter said it, by the rules of its MTA. */
export function applyModifications(draft: Draft, modifications: readonly WireModification[]): void {
  const body = modifications.flatMap((one) => (one.type === 'replaceBody' ? [one.data] : []));
  if (body.length > 0) draft.body = withLineEnds(Buffer.concat(body));
  for (const one of modifications) {
    switch (one.type) {
      case 'addHeader':
        draft.headers.add(one.name, bytesOf(one));
        break;
      case 'insertHeader':
        draft.headers.insert(one.index, one.name, bytesOf(one));
        break;
      case 'changeHeader':
        draft.headers.change(one.index, one.name, bytesOf(one));
        break;
      case 'addRecipient':
        draft.recipients.add({ address: withoutBrackets(one.text), args: [] });
        break;
      case 'addRecipientPar':
        draft.recipients.add({ address: withoutBrackets(one.address), args: words(one.args) });
        break;
      case 'deleteRecipient':
        draft.recipients.remove(withoutBrackets(one.text));
        break;
      case 'changeSender':
        draft.sender = { address: withoutBrackets(one.address), args: words(one.args) };
        break;
      case 'quarantine':
        draft.quarantined = Buffer.from(one.text).subarray(0, REASON_BYTES).toString();
        break;
      case 'replaceBody':
        break;
    }
  }
}

/** The address in an envelope command, without the brackets that SMTP has around it. */
export function withoutBrackets(address: string): string {
  return /^<(.*)>$/s.exec(address)?.[1] ?? address;
}

function words(args: readonly string[]): string[] {
  return args
    .join(' ')
    .split(' ')
    .filter((word) => word !== '');
}

function bytesOf(field: { readonly value: string; readonly raw?: Uint8Array }): Uint8Array {
  return field.raw ?? Buffer.from(field.value);
}
