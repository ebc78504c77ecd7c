import type { Path } from './mail.js';
import type { RecipientRules } from './recipient-list.js';

/**
 * Sendmail tells recipients that it only passes on apart by their addresses, byte for byte. It deletes one by marking
 * it. One that is added anew is the old one again: what it is to be told of is what either asks for, and who it was first
 * (`ORCPT`) stays.
 */
export const SENDMAIL_RECIPIENTS: RecipientRules = {
  key: ({ address }) => address,
  means: (address, recipient) => address === recipient.address,
  again({ args: old }, { address, args }) {
    const orcpt = valueOf('ORCPT', old) ?? valueOf('ORCPT', args);
    const notify = together(valueOf('NOTIFY', old), valueOf('NOTIFY', args));
    const others = args.filter((arg) => !/^(?:ORCPT|NOTIFY)=/i.test(arg));
    return { address, args: [...argument('NOTIFY', notify), ...argument('ORCPT', orcpt), ...others] };
  },
};

const EVENTS = ['SUCCESS', 'FAILURE', 'DELAY'];

/** Who has not said it is told of failures and delays. */
function together(one: string | undefined, other: string | undefined): string | undefined {
  if (one === undefined && other === undefined) return undefined;
  const asked = [one, other].flatMap((notify) => (notify ?? 'FAILURE,DELAY').toUpperCase().split(','));
  return EVENTS.filter((event) => asked.includes(event)).join(',') || 'NEVER';
}

function valueOf(name: string, args: Required<Path>['args']): string | undefined {
  return args.find((arg) => arg.toUpperCase().startsWith(`${name}=`))?.slice(name.length + 1);
}

function argument(name: string, value: string | undefined): string[] {
  return value === undefined ? [] : [`${name}=${value}`];
}
