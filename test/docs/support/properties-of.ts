import ts from 'typescript';

import { ROOT } from './markdown.js';

let program: ts.Program | undefined;

/** The names of the properties of a type that the package exports. */
export function propertiesOf(type: string): string[] {
  const index = `${ROOT}src/index.ts`;
  program ??= ts.createProgram([index], {
    module: ts.ModuleKind.NodeNext,
    target: ts.ScriptTarget.ES2022,
    // Only names are asked for, so what they are made of need not be known.
    noLib: true,
    types: [],
    strict: true,
  });
  const checker = program.getTypeChecker();
  const source = program.getSourceFile(index);
  const module = source && checker.getSymbolAtLocation(source);
  const symbol = module && checker.getExportsOfModule(module).find(({ name }) => name === type);
  if (symbol === undefined) throw new Error(`The package exports no ${type}.`);
  const resolved = (symbol.flags & ts.SymbolFlags.Alias) === 0 ? symbol : checker.getAliasedSymbol(symbol);
  return checker
    .getDeclaredTypeOfSymbol(resolved)
    .getProperties()
    .map(({ name }) => name);
}
