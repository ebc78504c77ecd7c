import type { WireModification } from '../mta/client/modification-list.js';

/** A change that a milter wants, as what is done to what. */
export interface Change {
  readonly what: string;
  readonly to: string;
}

/**
 * Says in words what modifications change. The pieces of a new body are one change.
 *
 * @param bodyBytes how long the body was
 */
export function describeChanges(modifications: readonly WireModification[], bodyBytes: number): Change[] {
  const pieces = modifications.flatMap((one) => (one.type === 'replaceBody' ? [one.data.length] : []));
  const length = pieces.reduce((sum, one) => sum + one, 0);
  const firstPiece = modifications.findIndex(({ type }) => type === 'replaceBody');
  return modifications.flatMap((one, at) => {
    if (one.type !== 'replaceBody') return [describe(one)];
    return at === firstPiece ? [{ what: 'replace body', to: `${length} bytes, it had ${bodyBytes}` }] : [];
  });
}

function describe(one: Exclude<WireModification, { type: 'replaceBody' }>): Change {
  switch (one.type) {
    case 'addHeader':
      return { what: 'add header', to: `${one.name}: ${one.value.trimStart()}` };
    case 'insertHeader':
      return { what: `insert header at ${one.index}`, to: `${one.name}: ${one.value.trimStart()}` };
    case 'changeHeader': {
      const which = one.index > 1 ? `${one.name} (number ${one.index})` : one.name;
      return one.value === ''
        ? { what: 'delete header', to: which }
        : { what: 'change header', to: `${which}: ${one.value.trimStart()}` };
    }
    case 'addRecipient':
      return { what: 'add recipient', to: one.text };
    case 'addRecipientPar':
      return { what: 'add recipient', to: withArguments(one) };
    case 'deleteRecipient':
      return { what: 'delete recipient', to: one.text };
    case 'changeSender':
      return { what: 'change sender', to: withArguments(one) };
    case 'quarantine':
      return { what: 'quarantine', to: one.text };
  }
}

/** An empty string of arguments is none. */
function withArguments({ address, args }: { address: string; args: readonly string[] }): string {
  return [address, ...args.filter((arg) => arg !== '')].join(' ');
}
