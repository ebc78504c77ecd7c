import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const SRC = fileURLToPath(new URL('../../../src/', import.meta.url));
/** The files that were compiled already, by their names. */
const outputs = new Map<string, string>();

function outputOf(name: string): string {
  const known = outputs.get(name);
  if (known !== undefined) return known;
  const { outputText } = ts.transpileModule(readFileSync(join(SRC, name), 'utf8'), {
    compilerOptions: {
      module: ts.ModuleKind.ESNext,
      target: ts.ScriptTarget.ES2022,
      verbatimModuleSyntax: true,
    },
  });
  outputs.set(name, outputText);
  return outputText;
}

/**
 * Writes a file of `src`, and what it imports, as JavaScript to a directory: for processes of their own, which have no
 * Vitest around them.
 *
 * @returns where the file is now
 */
export function compiled(file: string, directory: string): string {
  const done = new Set<string>();
  const compile = (name: string): void => {
    if (done.has(name)) return;
    done.add(name);
    const outputText = outputOf(name);
    const out = join(directory, name.replace(/\.ts$/, '.js'));
    mkdirSync(dirname(out), { recursive: true });
    writeFileSync(out, outputText);
    for (const { fileName } of ts.preProcessFile(outputText).importedFiles) {
      if (fileName.startsWith('.'))
        compile(posix.join(posix.dirname(name), fileName).replace(/\.js$/, '.ts'));
    }
  };
  writeFileSync(join(directory, 'package.json'), '{ "type": "module" }');
  compile(file);
  return join(directory, file.replace(/\.ts$/, '.js'));
}
