// @ts-check
// npm install rxmilter rxjs
// RULES=rules.txt npx rxmilter serve --listen inet:8891@127.0.0.1 reloading-rules.mjs
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { map, tap } from 'rxjs';
import { on, parseAddress, reject, tempfail } from 'rxmilter';
import { reloaded, watchFile } from 'rxmilter/lookups';

/**
 * What becomes of mail from an address, or from a whole domain.
 *
 * @typedef {{ action: 'reject' | 'tempfail', text: string | undefined }} Rule
 * @typedef {ReadonlyMap<string, Rule>} Rules by `user@domain`, as `mailbox` of an event has it, or `@domain`
 */

/** A file of rules that cannot be used; the message says which line it is, and why. */
export class RulesError extends Error {
  /** @override */
  name = 'RulesError';
}

/**
 * Reads rules: a line each, such as `reject spam@example.com No thanks` or `tempfail @example.net`; `#` begins a comment.
 *
 * @param {string} text
 * @param {string} name of the file, for messages
 * @returns {Rules}
 */
export function parseRules(text, name) {
  // What an editor has cut off, and not yet written anew. No rules at all are a line with a comment.
  if (text === '')
    throw new RulesError(`${name} is empty. Write a comment into it where there are to be no rules.`);
  /** @type {Map<string, Rule>} */
  const rules = new Map();
  for (const [index, line] of text.split('\n').entries()) {
    const [action, sender = '', ...words] = line.replace(/#.*$/, '').trim().split(/\s+/);
    if (action === '') continue;
    const fail = (/** @type {string} */ problem) => {
      throw new RulesError(`${name}:${index + 1}: ${problem}`);
    };
    if (action !== 'reject' && action !== 'tempfail') {
      return fail(`"${action}" is no action. Write reject or tempfail.`);
    }
    if (!/^[^@]*@[^@]+$/.test(sender)) return fail(`"${sender}" is neither user@domain nor @domain.`);
    const { domain, mailbox } = parseAddress(sender);
    const key = sender.startsWith('@') ? `@${domain}` : mailbox;
    if (rules.has(key)) return fail(`there is a rule for ${sender} already.`);
    /** @type {Rule} */
    const rule = { action, text: words.length > 0 ? words.join(' ') : undefined };
    rules.set(key, rule);
  }
  return rules;
}

/**
 * The rules in a file, and again whenever it has changed. What is wrong with it later is reported, and the rules stay as
 * they were; only the first ones have to be there, or it errors.
 *
 * @param {string} path
 * @param {{ interval?: number, report?: (error: Error) => void, signal?: AbortSignal }} [options] milliseconds between
 * two looks at the file, who hears of errors, and the end of looking
 * @returns {import('rxjs').Observable<Rules>}
 */
export function rulesIn(path, { interval, report = ({ message }) => console.error(message), signal } = {}) {
  const load = async () => parseRules(await readFile(path, 'utf8'), basename(path));
  return reloaded(load, { on: watchFile(path, { interval }), onError: report, signal });
}

/**
 * Applies rules to senders.
 *
 * @param {Rules} rules
 */
export function senderRules(rules) {
  return on('mail', ({ mailbox, domain }) => {
    const rule = rules.get(mailbox) ?? rules.get(`@${domain}`);
    if (rule === undefined) return undefined;
    return decisionOf(rule);
  });
}

/** @param {Rule} rule */
function decisionOf({ action, text }) {
  return action === 'reject' ? reject(text) : tempfail(text);
}

/** The filters for `rxmilter serve`: each new set of rules makes a new one; open connections finish with theirs. */
export default () =>
  rulesIn(process.env.RULES ?? 'rules.txt').pipe(
    tap(({ size }) => console.error(`${size} rules, for new connections`)),
    map(senderRules),
  );
