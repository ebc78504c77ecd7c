// @ts-check
import ts from 'typescript';

/**
 * An import as it is written, of whatever form: `import`, `export from`, `import()`, `require()`, `typeof import()`.
 * @typedef {{ specifier: string, line: number }} Import
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
  /** @type {(node: ts.Node | undefined) => void} */
  const add = (node) => {
    if (node !== undefined && ts.isStringLiteralLike(node)) {
      imports.push({ specifier: node.text, line: lineOf(node) });
    }
  };
  /** @type {(node: ts.Node) => void} */
  const visit = (node) => {
    if (ts.isImportDeclaration(node)) {
      add(node.moduleSpecifier);
    } else if (ts.isExportDeclaration(node)) {
      add(node.moduleSpecifier);
    } else if (ts.isImportTypeNode(node)) {
      add(ts.isLiteralTypeNode(node.argument) ? node.argument.literal : undefined);
    } else if (ts.isExternalModuleReference(node)) {
      add(node.expression);
    } else if (ts.isCallExpression(node)) {
      const called = node.expression;
      const loads =
        called.kind === ts.SyntaxKind.ImportKeyword || (ts.isIdentifier(called) && called.text === 'require');
      if (loads) add(node.arguments[0]);
    } else if (ts.isExportAssignment(node) || node.kind === ts.SyntaxKind.DefaultKeyword) {
      if (ts.isExportAssignment(node) || ts.canHaveModifiers(node.parent)) defaults.push(lineOf(node));
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return { imports, defaults };
}
