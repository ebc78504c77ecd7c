import { readFileSync } from 'node:fs';
import * as rxjs from 'rxjs';
import ts from 'typescript';

import * as rxmilter from '../../../src/index.js';
import { ROOT, snippet } from './markdown.js';

const RXJS_TYPES = ['ObservableInput', 'OperatorFunction', 'Subscription'];

/** The types that the package exports, by name. */
function typesOfPackage(): string[] {
  const source = ts.createSourceFile(
    'index.ts',
    readFileSync(`${ROOT}src/index.ts`, 'utf8'),
    ts.ScriptTarget.ES2022,
  );
  return source.statements.flatMap((statement) => {
    if (!ts.isExportDeclaration(statement) || !statement.isTypeOnly) return [];
    const clause = statement.exportClause;
    return clause !== undefined && ts.isNamedExports(clause)
      ? clause.elements.map(({ name }) => name.text)
      : [];
  });
}

const PACKAGE = { values: Object.keys(rxmilter), types: typesOfPackage() };
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
    const bindings = statement.importClause?.namedBindings;
    return bindings !== undefined && ts.isNamedImports(bindings)
      ? bindings.elements.map(({ name }) => name.text)
      : [];
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
  const values = missing(PACKAGE.values);
  const fromRxjs = missing(RXJS.values).filter((name) => !values.includes(name));
  const imports = [
    `import { ${[...values, ...types(PACKAGE.types)].join(', ')} } from 'rxmilter';`,
    `import { ${[...fromRxjs, ...types(RXJS.types)].join(', ')} } from 'rxjs';`,
  ];
  return { imports: imports.join('\n'), application: code === application ? '' : application };
}
