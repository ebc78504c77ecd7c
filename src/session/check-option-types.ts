import type { SessionOptions } from './options.js';

const SWITCHES = ['noReply', 'leadingSpace', 'rejectedRecipients'] as const;
const FUNCTIONS = ['trace', 'negotiate'] as const;
const LISTS = ['requires', 'stages', 'actions'] as const;

/**
 * Throws a `TypeError` for an option of another type than its own, as plain JavaScript can give it: the text `'no'`
 * would otherwise count as a yes, and a function that is none would be found out about only at the first connection.
 */
export function checkOptionTypes(options: SessionOptions): void {
  for (const name of SWITCHES) {
    if (isOther(options[name], 'boolean'))
      throw new TypeError(`${name}: ${String(options[name])} is not a switch. Use true or false.`);
  }
  for (const name of FUNCTIONS) {
    if (isOther(options[name], 'function'))
      throw new TypeError(`${name}: ${String(options[name])} is not a function.`);
  }
  for (const name of LISTS) {
    const list: unknown = options[name];
    if (list !== undefined && list !== null && !Array.isArray(list))
      throw new TypeError(`${name}: that is not a list. Use an array of names.`);
  }
}

function isOther(value: unknown, type: 'boolean' | 'function'): boolean {
  return value !== undefined && value !== null && typeof value !== type;
}
