import { readFileSync } from 'node:fs';
import * as rxjs from 'rxjs';
import * as rxmilter from 'rxmilter';
import * as lookups from 'rxmilter/lookups';
import * as recording from 'rxmilter/recording';
import ts from 'typescript';

import { ROOT, snippet } from './markdown.js';

const RXJS_TYPES = ['ObservableInput', 'OperatorFunction', 'Subscription'];

/** The types that a door of the package exports, by name. */
function typesOf(door: string): string[] {
  const source = ts.createSourceFile(
    'index.ts',
    readFileSync(`${ROOT}src/${door}`, 'utf8'),
    ts.ScriptTarget.ES2022,
  );
  return source.statements.flatMap((statement) => {
    const clause = ts.isExportDeclaration(statement) ? statement.exportClause : undefined;
    if (clause === undefined || !ts.isNamedExports(clause)) return [];
    const all = ts.isExportDeclaration(statement) && statement.isTypeOnly;
    return clause.elements.filter((each) => all || each.isTypeOnly).map(({ name }) => name.text);
  });
}

/** The doors whose imports a snippet may leave out. */
const DOORS = [
  { name: 'rxmilter', values: Object.keys(rxmilter), types: typesOf('index.ts') },
  { name: 'rxmilter/lookups', values: Object.keys(lookups), types: typesOf('lookups/index.ts') },
  { name: 'rxmilter/recording', values: Object.keys(recording), types: typesOf('recording/index.ts') },
];
const RXJS = { values: Object.keys(rxjs), types: RXJS_TYPES };

/** The names that a program declares at its top level. */
export function declaredIn(code: string): string[] {
  return statementsOf(code).flatMap((statement) => {
    if (ts.isVariableStatement(statement)) {
      return statement.declarationList.declarations.flatMap(({ name }) => namesIn(name));
    }
    const named = ts.isFunctionDeclaration(statement) || ts.isClassDeclaration(statement);
    return named && statement.name !== undefined ? [statement.name.text] : [];
  });
}

/** The names that a program imports. */
function importedIn(code: string): string[] {
  return statementsOf(code).flatMap((statement) => {
    if (!ts.isImportDeclaration(statement)) return [];
    const { name, namedBindings: named } = statement.importClause ?? {};
    const names =
      named !== undefined && ts.isNamedImports(named) ? named.elements.map((each) => each.name) : [];
    return [...(name === undefined ? [] : [name]), ...names].map(({ text }) => text);
  });
}

function statementsOf(code: string): ts.NodeArray<ts.Statement> {
  return ts.createSourceFile('snippet.ts', code, ts.ScriptTarget.ES2022).statements;
}

function namesIn(name: ts.BindingName): string[] {
  if (ts.isIdentifier(name)) return [name.text];
  return name.elements.flatMap((element) => (ts.isBindingElement(element) ? namesIn(element.name) : []));
}

/** What a snippet leaves out by convention. */
export interface LeftOut {
  /** Imports from the package and from RxJS. */
  readonly imports: string;
  /** What the guide says that the application has. */
  readonly application: string;
}

/** What has to be added to a snippet to make it a whole program. */
export function leftOutOf(code: string): LeftOut {
  const application = snippet('application').code;
  const declared = new Set([...declaredIn(code), ...importedIn(code)]);
  const used = new Set((code + application).match(/[\p{L}_$][\p{L}\d_$]*/gu));
  const missing = (names: readonly string[]): string[] =>
    names.filter((name) => used.has(name) && !declared.has(name));
  const types = (names: readonly string[]): string[] => missing(names).map((name) => `type ${name}`);
  const ours = DOORS.flatMap(({ values }) => values);
  const fromRxjs = missing(RXJS.values).filter((name) => !ours.includes(name));
  const imports = [
    ...DOORS.map((door) => ({ from: door.name, names: [...missing(door.values), ...types(door.types)] })),
    { from: 'rxjs', names: [...fromRxjs, ...types(RXJS.types)] },
  ].map(({ from, names }) => `import { ${names.join(', ')} } from '${from}';`);
  return { imports: imports.join('\n'), application: code === application ? '' : application };
}
