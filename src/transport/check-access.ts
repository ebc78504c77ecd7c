import { shown } from '../common/options.js';
import { excerpt } from '../common/printable.js';
import type { BindOptions } from './bind.js';

/** Who may use a socket file; -1 leaves the owner or the group as it is. */
export interface Access {
  readonly mode: number;
  readonly owner: number;
  readonly group: number;
}

type Fail = (problem: string) => never;

/** The highest id there is: for the kernel the next one means "leave it as it is". */
const LAST_ID = 0xfffffffe;

/** Who may use the socket file by these options; `fail` is called with what is wrong. */
export function checkAccess({ mode = 0o660, owner = -1, group = -1 }: BindOptions, fail: Fail): Access {
  checkMode(mode, fail);
  checkId('owner', '-u', owner, fail);
  checkId('group', '-g', group, fail);
  return { mode, owner, group };
}

function checkMode(mode: unknown, fail: Fail): void {
  if (typeof mode === 'number' && Number.isInteger(mode) && mode >= 0 && mode <= 0o777) return;
  const octal = /^[0-7]{3}$/.test(String(mode)) ? `; did you mean 0o${String(mode)}?` : ', such as 0o660';
  fail(`the mode ${shown(mode)} is not one of 0o000 to 0o777${octal}`);
}

function checkId(what: string, flag: string, id: unknown, fail: Fail): void {
  if (typeof id === 'number' && Number.isInteger(id) && id >= -1 && id <= LAST_ID) return;
  const given = typeof id === 'string' ? `"${excerpt(id, 60)}"` : shown(id);
  fail(`the ${what} ${given} is not a numeric id; "id ${flag} name" prints the id of a name`);
}
