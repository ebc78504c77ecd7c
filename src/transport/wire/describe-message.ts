import { dotted } from '../../common/printable.js';
import type { Command } from './commands.js';
import type { WireReply } from './replies.js';

const LONGEST = 200;

/**
 * A command or a reply in a line, for people: its name and what it carries, long things cut.
 *
 * @example describeMessage({ type: 'rcpt', address: '<bob@example.org>', args: [] }) // 'rcpt <bob@example.org>'
 */
export function describeMessage(message: Command | WireReply): string {
  // Cut before it is looked through, since it may have a MiB.
  const start = details(message)
    .join(' ')
    .slice(0, LONGEST + 1);
  const text = dotted(start.replace(/\r\n|[\r\n]/g, ' ⏎ ').replaceAll('\t', '·'));
  const short = text.length > LONGEST ? `${text.slice(0, LONGEST)} …` : text;
  return short === '' ? message.type : `${message.type} ${short}`;
}

function details(message: Command | WireReply): string[] {
  switch (message.type) {
    case 'optneg': {
      const { version, actions, protocol, lists } = message;
      const words = [`version ${version}`, `actions ${hex(actions)}`, `protocol ${hex(protocol)}`];
      return [...words, ...lists.map(([stage, macros]) => `macros[${stage}]="${macros}"`)];
    }
    case 'connect':
      return message.family === 'unknown'
        ? [message.host, 'unknown']
        : [message.host, message.family, message.address, String(message.port)];
    case 'macro':
      return [message.target, ...message.macros.map(([name, value]) => `${name}=${value ?? ''}`)];
    case 'body':
    case 'replaceBody':
    case 'eom':
      return message.data.length === 0 ? [] : [`${message.data.length} bytes`];
  }
  // An empty string of arguments means no arguments.
  if ('args' in message) return [message.address, ...message.args.filter((arg) => arg !== '')];
  if ('name' in message) {
    return [...('index' in message ? [`[${message.index}]`] : []), `${message.name}:`, message.value];
  }
  return 'text' in message ? [message.text] : [];
}

function hex(bits: number): string {
  return `0x${bits.toString(16)}`;
}
