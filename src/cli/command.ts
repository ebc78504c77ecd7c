import { parseArgs, type ParseArgsConfig } from 'node:util';

import { errorCode } from '../common/describe-error.js';
import { didYouMean } from '../common/options.js';
import { messageOf } from '../common/text-of.js';
import type { Terminal } from './terminal.js';

/** One of the commands of `rxmilter`. */
export interface Command {
  readonly name: string;
  /** In a line, for the list of commands. */
  readonly summary: string;
  /** The text of `--help`. */
  readonly help: string;
  /** Runs it, and resolves with the exit status; rejects with a `UsageError` where the arguments are wrong. */
  run(args: readonly string[], terminal: Terminal): Promise<number>;
}

/** A command cannot do its work: says what is missing, and what to do about it. Exit status 1. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
}

/** A command line cannot be understood: says what is wrong with it, and what to write instead. Exit status 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

type Options = NonNullable<ParseArgsConfig['options']>;
interface Config<O extends Options> {
  readonly args: string[];
  readonly options: O;
  readonly allowPositionals: true;
}

/** The options of every command. */
const COMMON = { help: { type: 'boolean', short: 'h' }, debug: { type: 'boolean' } } as const;

/**
 * Reads the arguments of a command.
 *
 * @param wanted the names of the arguments that have to be there beside options
 * @param more whether there may be more of them
 * @throws UsageError that says what is wrong and what was probably meant
 */
export function parseArguments<const O extends Options>(
  args: readonly string[],
  options: O,
  wanted: readonly string[],
  more = false,
): ReturnType<typeof parseArgs<Config<O>>> {
  const config: Config<O> = { args: [...args], options: { ...COMMON, ...options }, allowPositionals: true };
  let parsed;
  try {
    parsed = parseArgs<Config<O>>(config);
  } catch (error) {
    throw new UsageError(problemOf(error, Object.keys(config.options)), { cause: error });
  }
  const { length } = parsed.positionals;
  if (length < wanted.length) throw new UsageError(`${wanted[length] ?? ''} is missing.`);
  if (more || length === wanted.length) return parsed;
  const extra = JSON.stringify(parsed.positionals[wanted.length]);
  throw new UsageError(
    `${extra} is one argument too many; wanted is ${wanted.join(' ')}. Put quotes around what has blanks.`,
  );
}

function problemOf(error: unknown, options: readonly string[]): string {
  const message = messageOf(error);
  const [, option = ''] = /'(?:-\w, )?(-[^\s'=]*)/.exec(message) ?? [];
  if (errorCode(error) === 'ERR_PARSE_ARGS_UNKNOWN_OPTION') {
    const meant = didYouMean(option.replace(/^-+/, ''), options);
    return `there is no option ${option}.${meant === undefined ? '' : ` Did you mean --${meant}?`}`;
  }
  if (message.includes('ambiguous')) {
    return `${option} is followed by what looks like an option. Write ${option}=-… where it is the value.`;
  }
  const takesNone = message.includes('does not take an argument');
  return `${option} ${takesNone ? 'takes no value' : 'needs a value after it'}.`;
}

/** Returns the value that a word stands for, or throws a `UsageError` with the problem and the words. */
export function choice<T>(word: string, values: Readonly<Record<string, T>>, problem: string): T {
  const value = Object.hasOwn(values, word) ? values[word] : undefined;
  if (value !== undefined) return value;
  const words = Object.keys(values);
  const meant = didYouMean(word, words);
  const hint = meant === undefined ? '' : ` Did you mean ${meant}?`;
  throw new UsageError(`${problem} ${words.join(', ')}.${hint}`);
}

/** The properties that have a value: an option that was not given must not stand in the place of a default. */
export function defined<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const all = Object.entries(values).filter(([, value]) => value !== undefined);
  return Object.fromEntries(all) as { [K in keyof T]?: Exclude<T[K], undefined> };
}
