import type { RecipientRules } from './recipient-list.js';

/**
 * Postfix has one recipient once for each of its ways to be told what became of the message (`NOTIFY`, `ORCPT`). For the
 * client's it makes up an `ORCPT` where there is none; for a milter's it does not, so one that is there already is there
 * twice when a milter adds it. Whom to delete it compares with the address as it came, in its own case.
 */
export const POSTFIX_RECIPIENTS: RecipientRules = {
  key({ address, args }, by) {
    const orcpt = valueOf('ORCPT', args) ?? (by === 'client' ? `rfc822;${address}` : '');
    return [address, orcpt, valueOf('NOTIFY', args)].join('\n').toLowerCase();
  },
  means: (address, recipient) => address === recipient.address,
};

function valueOf(name: string, args: readonly string[]): string | undefined {
  const found = args.find((arg) => arg.toUpperCase().startsWith(`${name}=`));
  return found?.slice(name.length + 1);
}
