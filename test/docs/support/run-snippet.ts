import * as crypto from 'node:crypto';
import * as fs from 'node:fs';
import * as fsPromises from 'node:fs/promises';
import * as streamPromises from 'node:stream/promises';
import * as rxjs from 'rxjs';
import * as rxmilter from 'rxmilter';
import * as lookups from 'rxmilter/lookups';
import * as mta from 'rxmilter/mta';
import * as policies from 'rxmilter/policies';
import * as recording from 'rxmilter/recording';
import * as testing from 'rxmilter/testing';
import ts from 'typescript';
import { onTestFinished } from 'vitest';

import { declaredIn, leftOutOf } from './complete.js';
import { snippet } from './markdown.js';

const MODULES: Readonly<Record<string, unknown>> = {
  rxmilter,
  'rxmilter/mta': mta,
  'rxmilter/policies': policies,
  'rxmilter/recording': recording,
  'rxmilter/testing': testing,
  'node:crypto': crypto,
  'node:fs': fs,
  'node:fs/promises': fsPromises,
  'node:stream/promises': streamPromises,
};

type Program = (require: (name: string) => unknown, exports: object, ...rest: unknown[]) => Promise<unknown>;
// The constructor of async functions has no name of its own.
const { constructor: AsyncFunction } = Object.getPrototypeOf(async () => Promise.resolve()) as {
  constructor: new (...texts: string[]) => Program;
};

/**
 * Runs the snippet of that name as it stands in the page, against the sources of the package, and gives what it declares
 * at its top level, and what it exports. Ports are free ones. What it watches, it watches until the test is finished.
 *
 * @param application what the snippet takes from the application around it
 * @param replacements texts in it to be replaced, such as a path; each has to be there
 * @param modules what it may import beside the package, RxJS and some modules of Node
 */
export async function runSnippet<T extends object>(
  name: string,
  application: Readonly<Record<string, unknown>> = {},
  replacements: Readonly<Record<string, string>> = {},
  modules: Readonly<Record<string, unknown>> = {},
): Promise<T> {
  let { code } = snippet(name);
  for (const [text, replacement] of Object.entries(replacements)) {
    if (!code.includes(text)) throw new Error(`The snippet ${name} does not have ${text}.`);
    code = code.replaceAll(text, replacement);
  }
  code = code.replaceAll('inet:8891@', 'inet:0@');
  const { outputText } = ts.transpileModule(`${leftOutOf(code).imports}\n${code}`, {
    compilerOptions: { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022 },
  });
  const program = new AsyncFunction(
    'require',
    'exports',
    ...Object.keys(application),
    `${outputText}\nreturn { ${declaredIn(code).join(', ')} };`,
  );
  const ended = new rxjs.Subject<void>();
  onTestFinished(() => ended.next());
  const { fromEvent, takeUntil } = rxjs;
  const watching: Readonly<Record<string, unknown>> = {
    rxjs: {
      ...rxjs,
      fromEvent: (target: NodeJS.EventEmitter, name: string) =>
        fromEvent(target, name).pipe(takeUntil(ended)),
    },
    'rxmilter/lookups': {
      ...lookups,
      watchFile: (...args: Parameters<typeof lookups.watchFile>) =>
        lookups.watchFile(...args).pipe(takeUntil(ended)),
    },
  };
  const require = (module: string): unknown => {
    const found = modules[module] ?? watching[module] ?? MODULES[module];
    if (found === undefined) throw new Error(`The snippet imports ${module}, which the test does not know.`);
    // What a program of JavaScript imports by default.
    return 'default' in (found as object) ? { ...(found as object), __esModule: true } : found;
  };
  const exported = {};
  const declared = await program(require, exported, ...Object.values(application));
  return { ...exported, ...(declared as T) };
}
