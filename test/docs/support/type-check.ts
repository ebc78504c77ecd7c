import { compile } from '../../support/compile.js';
import { leftOutOf } from './complete.js';
import type { Snippet } from './markdown.js';

/** The modules of a user that programs import. */
const MODULES: readonly (readonly [string, string])[] = [
  [
    'docs/directory.mts',
    'export declare function mailboxExists(address: string, signal: AbortSignal): Promise<boolean>;',
  ],
  ['docs/filter.mts', "export default {} as import('rxmilter').Filter;"],
  ['docs/metrics.mts', 'export declare const messages: { inc(labels: { result: string }): void };'],
];

/** Checks snippets as the compiler sees them in a project of a user; returns what it complains about. */
export function complaintsAbout(snippets: readonly Snippet[]): string[] {
  const files = new Map(
    snippets.map((each) => {
      const ending = each.language === 'ts' ? 'ts' : 'mts';
      return [`docs/${each.page.replaceAll('/', '-')}-${each.line}.${ending}`, each];
    }),
  );
  const complaints = compile(
    new Map([
      ...MODULES,
      ...[...files].map(([name, { language, code }]): [string, string] => [
        name,
        language === 'ts' ? complete(code) : code,
      ]),
    ]),
  );
  return [...files].flatMap(([name, { page, line }]) =>
    (complaints.get(name) ?? []).map((each) => `${page}:${line + each.line}: ${each.message}`),
  );
}

/** What is added stands behind the snippet, so that its lines keep their numbers. */
function complete(code: string): string {
  const { imports, application } = leftOutOf(code);
  return `${code}\n${imports}\n${application}\nexport {};\n`;
}
