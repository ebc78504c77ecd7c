import { type WireModification, argumentWords, valueBytes } from '../client/modification-list.js';
import type { HeaderList } from './header-list.js';
import { type Mail, type Path, pathOf, withLineEnds } from './mail.js';
import { RecipientList, type RecipientRules } from './recipient-list.js';

/** A message on its way through an MTA, which milters may change. */
export interface MtaDraft {
  sender: Required<Path>;
  readonly recipients: RecipientList;
  readonly headers: HeaderList;
  body: Buffer;
  /** The reason of the quarantine, where the message is held. */
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

/** Postfix keeps so much of the reason for a quarantine. */
const REASON_BYTES = 100;

/** Changes a message as the milter wants it, in the order in which the milter said it, by the rules of its MTA. */
export function applyModifications(draft: MtaDraft, modifications: readonly WireModification[]): void {
  const body = modifications.flatMap((one) => (one.type === 'replaceBody' ? [one.data] : []));
  if (body.length > 0) draft.body = withLineEnds(Buffer.concat(body));
  for (const one of modifications) {
    switch (one.type) {
      case 'addHeader':
        draft.headers.add(one.name, valueBytes(one));
        break;
      case 'insertHeader':
        draft.headers.insert(one.index, one.name, valueBytes(one));
        break;
      case 'changeHeader':
        draft.headers.change(one.index, one.name, valueBytes(one));
        break;
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
        draft.quarantined = Buffer.from(one.text).subarray(0, REASON_BYTES).toString();
        break;
      case 'replaceBody':
        break;
    }
  }
}

/** An address of an envelope command, without the brackets that SMTP has around it. */
function pathFrom(address: string, args: readonly string[] = []): Required<Path> {
  return { address: /^<(.*)>$/s.exec(address)?.[1] ?? address, args: argumentWords(args) };
}
