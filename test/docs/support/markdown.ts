import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The root of the repository. */
export const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

/** The pages that are tested. */
export const PAGES = [
  'README.md',
  'docs/README.md',
  'docs/tasks.md',
  'docs/guide.md',
  'docs/mail-servers.md',
  'docs/protocol.md',
  'docs/parity.md',
  'docs/migration.md',
  'docs/testing.md',
  'docs/mta.md',
  'docs/check.md',
  'docs/cli.md',
  'examples/README.md',
  'docs/deployment.md',
] as const;

/** The name of a page, as a path from the root. */
export type Page = (typeof PAGES)[number];

/** A fenced block of code. */
export interface Snippet {
  readonly page: Page;
  /** The line of its first line of code, from 1. */
  readonly line: number;
  readonly language: string;
  /** What the comment before it says: `<!-- run: name -->`. */
  readonly name: string | undefined;
  /** Whether it is a program for another library, by the comment before it: `<!-- theirs -->`. Such are not run. */
  readonly theirs: boolean;
  readonly code: string;
}

/** The text of a page. */
export function readPage(page: Page): string {
  return readFileSync(`${ROOT}${page}`, 'utf8');
}

/** The fenced blocks of a page, in order. */
export function snippetsOf(page: Page): Snippet[] {
  const snippets: Snippet[] = [];
  const lines = readPage(page).split('\n');
  let name: string | undefined;
  let theirs = false;
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] ?? '';
    const marker = /^<!-- run: ([\w-]+) -->$/.exec(line);
    const fence = /^```(\w*)$/.exec(line);
    if (marker !== null) {
      name = marker[1];
    } else if (line === '<!-- theirs -->') {
      theirs = true;
    } else if (fence !== null) {
      const end = lines.indexOf('```', at + 1);
      if (end === -1) throw new Error(`${page}:${at + 1}: the block of code has no end`);
      const code = `${lines.slice(at + 1, end).join('\n')}\n`;
      snippets.push({ page, line: at + 2, language: fence[1] ?? '', name, theirs, code });
      name = undefined;
      theirs = false;
      at = end;
    } else if (line !== '') {
      if (name !== undefined) throw new Error(`${page}:${at + 1}: no block of code after "run: ${name}"`);
      if (theirs) throw new Error(`${page}:${at + 1}: no block of code after "theirs"`);
    }
  }
  return snippets;
}

/** All snippets of ours in one of these languages. */
export function snippetsIn(...languages: readonly string[]): Snippet[] {
  return PAGES.flatMap(snippetsOf).filter(({ language, theirs }) => !theirs && languages.includes(language));
}

/** The snippet of that name; throws where there is none, or several. */
export function snippet(name: string): Snippet {
  const [found, ...more] = PAGES.flatMap(snippetsOf).filter((each) => each.name === name);
  if (found === undefined || more.length > 0) {
    throw new Error(`${more.length === 0 ? 'no snippet' : 'several snippets'} "${name}"`);
  }
  return found;
}

/** The first table below a heading, as one record a row by the names of the columns; without the marks of code. */
export function tableBelow(page: Page, heading: string): Record<string, string>[] {
  const lines = readPage(page).split('\n');
  const start = lines.findIndex((line) => /^#+ /.test(line) && line.replace(/^#+ /, '') === heading);
  if (start === -1) throw new Error(`${page} has no heading "${heading}"`);
  const first = lines.findIndex((line, at) => at > start && line.startsWith('|'));
  const rows: string[][] = [];
  for (let at = first; first !== -1 && (lines[at] ?? '').startsWith('|'); at++) {
    const cells = (lines[at] ?? '').replaceAll('\\|', '\0').split('|').slice(1, -1);
    rows.push(cells.map((cell) => cell.replaceAll('\0', '|').replaceAll('`', '').trim()));
  }
  const [names = [], , ...records] = rows;
  if (records.length === 0) throw new Error(`${page} has no table below "${heading}"`);
  return records.map((cells) => Object.fromEntries(names.map((name, at) => [name, cells[at] ?? ''])));
}
