import { describeError } from '../common/describe-error.js';
import { didYouMean } from '../common/options.js';
import { isA } from '../common/text-of.js';
import { VERSION } from '../common/version.js';
import { checkCommand } from './check-command.js';
import { type Command, UsageError } from './command.js';
import { replayCommand } from './replay-command.js';
import { sendCommand } from './send-command.js';
import { serveCommand } from './serve-command.js';
import { type CliIo, Terminal } from './terminal.js';

const COMMANDS: readonly Command[] = [sendCommand, serveCommand, replayCommand, checkCommand];

const HELP = `Usage: rxmilter COMMAND [options]

Mail filters (milters) for Postfix and Sendmail.

${COMMANDS.map(({ name, summary }) => `  ${name.padEnd(20)} ${summary}`).join('\n')}

  -h, --help           this; after a command, what the command takes
  -V, --version        the version

Examples:
  rxmilter serve --listen inet:8891@127.0.0.1 filter.mjs
  rxmilter send --to inet:8891@127.0.0.1 mail.eml
  rxmilter check --to inet:8891@127.0.0.1
  rxmilter replay mail.jsonl filter.mjs
`;

/**
 * Runs the command `rxmilter`, whose arguments are given without those of Node. Resolves with the exit status, and never
 * rejects: what goes wrong is a line on standard error, and with `--debug` the trace of the stack.
 */
export async function main(argv: readonly string[], io: CliIo): Promise<number> {
  const terminal = new Terminal(io);
  const [name, ...args] = argv;
  const command = COMMANDS.find((each) => each.name === name);
  try {
    if (command === undefined) return general(name, args, terminal);
    if (asks(args, '--help', '-h')) {
      io.stdout.write(command.help);
      return 0;
    }
    return await command.run(args, terminal);
  } catch (error) {
    const who = command === undefined ? 'rxmilter' : `rxmilter ${command.name}`;
    const usage = isA(error, UsageError);
    terminal.note(`${who}: ${describeError(error)}${usage ? ` See: ${who} --help` : ''}`);
    if (asks(argv, '--debug')) terminal.trace(error);
    return usage ? 2 : 1;
  }
}

function general(name: string | undefined, args: readonly string[], { io }: Terminal): number {
  const about = COMMANDS.find((each) => each.name === args[0]);
  if (name === '--help' || name === '-h' || name === 'help') {
    io.stdout.write(about?.help ?? HELP);
    return 0;
  }
  if (name === '--version' || name === '-V') {
    io.stdout.write(`${VERSION}\n`);
    return 0;
  }
  if (name === undefined) throw new UsageError('a command is missing.');
  const names = COMMANDS.map((each) => each.name);
  const meant = didYouMean(name, names);
  throw new UsageError(
    `there is no command ${JSON.stringify(name)}. ${meant === undefined ? `There are: ${names.join(', ')}.` : `Did you mean ${meant}?`}`,
  );
}

/** Whether an option is there, before the end of the options (`--`). */
function asks(args: readonly string[], ...options: readonly string[]): boolean {
  const end = args.indexOf('--');
  return (end === -1 ? args : args.slice(0, end)).some((arg) => options.includes(arg));
}
