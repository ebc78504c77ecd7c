// @ts-check
import ts from 'typescript';

/**
 * An import as it is written, of whatever form: `import`, `export from`, `import()`, `require()`, `typeof import()`.
 * @typedef {{ specifier: string, line: number, typeOnly: boolean }} Import
 */

/**
 * Everything that a file imports, and the lines of its default exports.
 * @param {string} file
 * @param {string} text
 * @returns {{ imports: Import[], defaults: number[] }}
 */
export function importsOf(file, text) {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  /** @type {Import[]} */
  const imports = [];
  /** @type {number[]} */
  const defaults = [];
  /** @type {(node: ts.Node) => number} */
  const lineOf = (node) => source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1;
  /** @type {(node: ts.Node | undefined, typeOnly: boolean) => void} */
  const add = (node, typeOnly) => {
    if (node !== undefined && ts.isStringLiteralLike(node)) {
      imports.push({ specifier: node.text, line: lineOf(node), typeOnly });
    }
  };
  /** @type {(node: ts.Node) => void} */
  const visit = (node) => {
    if (ts.isImportDeclaration(node)) {
      // `import { type A }` still loads the file under verbatimModuleSyntax; only `import type` does not.
      add(node.moduleSpecifier, node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword);
    } else if (ts.isExportDeclaration(node)) {
      add(node.moduleSpecifier, node.isTypeOnly);
    } else if (ts.isImportTypeNode(node)) {
      add(ts.isLiteralTypeNode(node.argument) ? node.argument.literal : undefined, true);
    } else if (ts.isExternalModuleReference(node)) {
      add(node.expression, false);
    } else if (ts.isCallExpression(node)) {
      const called = node.expression;
      const loads =
        called.kind === ts.SyntaxKind.ImportKeyword || (ts.isIdentifier(called) && called.text === 'require');
      if (loads) add(node.arguments[0], false);
    } else if (ts.isExportAssignment(node) || node.kind === ts.SyntaxKind.DefaultKeyword) {
      if (ts.isExportAssignment(node) || ts.canHaveModifiers(node.parent)) defaults.push(lineOf(node));
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return { imports, defaults };
}
