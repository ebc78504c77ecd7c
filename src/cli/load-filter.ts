import { spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Observable, type OperatorFunction, isObservable } from 'rxjs';

import { packageRoot, placeOf, rootSeenFrom } from '../common/call-site.js';
import { describeError, errorCode } from '../common/describe-error.js';
import { type Rules, checkOptions, rule } from '../common/options.js';
import { isA, messageOf } from '../common/text-of.js';
import { SERVE_RULES, type ServeOptions } from '../server/options.js';
import type { Flow } from '../session/flow.js';
import { CommandError } from './command.js';
import type { Terminal } from './terminal.js';

/** The exports of a module for `serve` and `replay`. */
export interface FilterModule {
  readonly filter: OperatorFunction<Flow, Flow> | Observable<OperatorFunction<Flow, Flow>>;
  readonly options: Omit<ServeOptions, 'listen'>;
}

/** A module as it was named, and where it is. */
interface Paths {
  readonly file: string;
  readonly path: string;
}

/**
 * Loads a module whose default export is a filter, an Observable of filters, or a function that returns one. A function
 * is asked for its filter where it has no parameter or is async; any other is an operator, and so a filter itself.
 *
 * @throws CommandError where it has no filter, or throws: with the place in its own code
 */
export async function loadFilter(file: string, terminal: Terminal): Promise<FilterModule> {
  const path = resolve(terminal.io.cwd, file);
  if (!statSync(path, { throwIfNoEntry: false })?.isFile()) {
    throw new CommandError(`Cannot load ${file}: there is no such file.`);
  }
  const root = rootSeenFrom(path);
  if (root !== undefined && root !== packageRoot()) {
    terminal.note(
      `rxmilter: ${file} gets the rxmilter in ${root}, and this command is that in ${packageRoot()}. So it does not know what the filter needs, and asks the mail server for everything. Call it with npx in the project of ${file}, so that both are one.`,
    );
  }
  const paths = { file, path };
  const exported = await guarded(paths, 'loaded', async () => {
    return (await import(pathToFileURL(path).href)) as Readonly<Record<string, unknown>>;
  });
  const { options = {} } = exported;
  try {
    checkOptions(`${file}, its export "options"`, options, OPTIONS);
  } catch (error) {
    throw new CommandError(`${messageOf(error)} Export what serve() takes, but for listen.`, {
      cause: error,
    });
  }
  return { filter: await filterIn(exported, paths), options: options as FilterModule['options'] };
}

const OPTIONS: Rules<ServeOptions> = {
  ...SERVE_RULES,
  listen: rule('left out: the command line says where to listen', () => false),
};

async function filterIn(
  exported: Readonly<Record<string, unknown>>,
  paths: Paths,
): Promise<FilterModule['filter']> {
  const { file } = paths;
  // A module that was CommonJS once has its default export within the one that Node gives it.
  const outer = exported.default;
  const inner = outer as { readonly __esModule?: unknown; readonly default?: unknown } | null | undefined;
  const given = inner?.__esModule === true ? inner.default : outer;
  if (given === undefined) {
    const named = Object.keys(exported).filter((name) => name !== 'default');
    const has = named.length === 0 ? 'exports nothing' : `exports only ${named.join(', ')}`;
    throw new CommandError(
      `${file} has no default export, it ${has}. Write: export default filter; a filter, an Observable of filters, or a function that returns one.`,
    );
  }
  const makes =
    typeof given === 'function' && (given.length === 0 || given.constructor.name === 'AsyncFunction');
  const made = makes
    ? await guarded(paths, 'asked for its filter', async () => await (given as () => unknown)())
    : given;
  if (isObservable(made) || typeof made === 'function') return made as FilterModule['filter'];
  throw new CommandError(
    `${file}: its default export ${makes ? 'returned' : 'is'} ${describeValue(made)}. It has to be a filter (what on(), compose() … make), an Observable of filters, or a function that returns one.`,
  );
}

async function guarded<T>({ file, path }: Paths, what: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    const place = placeOf(error) ?? (isA(error, SyntaxError) ? placeOfSyntax(path) : undefined);
    const at = place === undefined ? '' : ` (at ${place})`;
    const isForeign = errorCode(error) === 'ERR_UNKNOWN_FILE_EXTENSION';
    const advice = isForeign ? '. This Node does not run such files: compile it to JavaScript first.' : '';
    throw new CommandError(`${file} failed while it was ${what}: ${describeError(error)}${at}${advice}`, {
      cause: error,
    });
  }
}

/** The line of a module that cannot be parsed, such as `filter.mjs:3`: the error does not have it, what Node prints does. */
function placeOfSyntax(path: string): string | undefined {
  const { stderr } = spawnSync(process.execPath, ['--check', path], { encoding: 'utf8', timeout: 10_000 });
  const [, line] = /^(?:file:)?\/.*:(\d+)$/m.exec(stderr) ?? [];
  return line === undefined ? undefined : `${basename(path)}:${line}`;
}

function describeValue(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
