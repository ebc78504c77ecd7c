import { readFileSync } from 'node:fs';
import ts from 'typescript';

import { ROOT } from './markdown.js';

/**
 * The titles of the tests in a file, as they are reported: those of `it.each` with the first cell of each row in the
 * place of `%s`. Throws where a title cannot be read without running the file.
 */
export function titlesOf(path: string): string[] {
  const source = ts.createSourceFile(
    path,
    readFileSync(`${ROOT}${path}`, 'utf8'),
    ts.ScriptTarget.ES2022,
    true,
  );
  const titles: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node)) titles.push(...titlesIn(node));
    ts.forEachChild(node, visit);
  };
  visit(source);
  return titles;
}

function titlesIn({ expression, arguments: [first] }: ts.CallExpression): string[] {
  const table = ts.isCallExpression(expression) && isEach(expression.expression) ? expression : undefined;
  if (table === undefined && !(ts.isIdentifier(expression) && expression.text === 'it')) return [];
  if (first === undefined || !ts.isStringLiteralLike(first)) throw unreadable(expression);
  return table === undefined ? [first.text] : cellsOf(table).map((cell) => first.text.replace('%s', cell));
}

function isEach(callee: ts.Expression): boolean {
  return (
    ts.isPropertyAccessExpression(callee) &&
    ts.isIdentifier(callee.expression) &&
    callee.expression.text === 'it' &&
    callee.name.text === 'each'
  );
}

/** The first cell of each row of a table. */
function cellsOf(each: ts.CallExpression): string[] {
  let [table] = each.arguments;
  while (table !== undefined && ts.isAsExpression(table)) table = table.expression;
  if (table === undefined || !ts.isArrayLiteralExpression(table)) throw unreadable(each);
  return table.elements.map((row) => {
    const [cell] = ts.isArrayLiteralExpression(row) ? row.elements : [];
    if (cell === undefined || !ts.isStringLiteralLike(cell)) throw unreadable(row);
    return cell.text;
  });
}

function unreadable(node: ts.Node): Error {
  const source = node.getSourceFile();
  const { line } = source.getLineAndCharacterOfPosition(node.getStart());
  return new Error(`${source.fileName}:${line + 1}: the title of this test is not written out.`);
}
