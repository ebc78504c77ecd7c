import { excerpt } from '../../common/printable.js';
import { commandCodec, type Command } from '../../transport/wire/commands.js';

/** Says which of some commands does not fit into a frame of so many bytes, and what to do about it. */
export function tooLarge(commands: readonly Command[], most: number): string {
  const sizes = commands.map((command) => commandCodec.encode(command).length - 5);
  const at = sizes.findIndex((size) => size > most);
  return (
    `${nameOf(commands[at])} has ${sizes[at] ?? 0} bytes, and the milter takes at most ${most} at once. ` +
    'Make it shorter, or leave it out.'
  );
}

function nameOf(command: Command | undefined): string {
  switch (command?.type) {
    case 'header':
      return `The header ${excerpt(command.name, 60)}`;
    case 'mail':
      return `The sender "${excerpt(command.address, 60)}"`;
    case 'rcpt':
      return `The recipient "${excerpt(command.address, 60)}"`;
    case 'macro':
      return `The list of macros for ${command.target}`;
    default:
      return `The command ${command?.type ?? ''}`;
  }
}
