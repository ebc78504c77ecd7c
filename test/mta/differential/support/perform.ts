import {
  accept,
  addHeader,
  addRecipient,
  changeHeader,
  changeSender,
  deleteHeader,
  deleteRecipient,
  discard,
  insertHeader,
  allow,
  quarantine,
  reject,
  replaceBody,
  skip,
  tempfail,
  type Decision,
  type Modification,
  type ReplySpec,
} from 'rxmilter';

/** What an instruction asks for; see `instructions.ts`. Throws what the library throws. */
export function perform(verb: string, args: readonly string[]): Decision | Modification {
  const [first = '', second = '', third = ''] = args;
  switch (verb) {
    case 'continue':
      return allow();
    case 'accept':
      return accept();
    case 'discard':
      return discard();
    case 'skip':
      return skip();
    case 'reject':
    case 'single-percent-reject':
      return reject(replyOf(args));
    case 'tempfail':
      return tempfail(replyOf(args));
    case 'add':
      return addHeader(first, second);
    case 'insert':
      return insertHeader(placeOf(first), second, third);
    case 'change':
      return changeHeader(second, third, Number(first));
    case 'delete':
      return deleteHeader(second, Number(first));
    case 'body':
      return replaceBody(first);
    case 'fill':
      return replaceBody(Buffer.alloc(Number(first), second));
    case 'addrcpt':
      return addRecipient(first, args.slice(1));
    case 'delrcpt':
      return deleteRecipient(first);
    case 'from':
      return changeSender(first, args.slice(1));
    case 'quarantine':
      return quarantine(first);
    default:
      throw new Error(`no such instruction: ${verb}`);
  }
}

/** The numbers of libmilter for the top, and for what is below every message. */
function placeOf(index: string): 'top' | 'bottom' | number {
  return index === '0' ? 'top' : index === '2147483646' ? 'bottom' : Number(index);
}

function replyOf(args: readonly string[]): ReplySpec | undefined {
  const [code, enhanced = '', ...text] = args;
  if (code === undefined) return undefined;
  return { code: Number(code), ...(enhanced === '' ? {} : { enhanced }), text };
}
