import ts from 'typescript';
import { leftOutOf } from './complete.js';
import { ROOT, type Snippet } from './markdown.js';

/** Checks snippets as the compiler sees them in a project of a user; returns what it complains about. */
export function complaintsAbout(snippets: readonly Snippet[]): string[] {
  const files = new Map(
    snippets.map((each) => {
      const ending = each.language === 'ts' ? 'ts' : 'mts';
      const text = each.language === 'ts' ? complete(each.code) : each.code;
      return [`${ROOT}test/docs/${each.page.replaceAll('/', '-')}-${each.line}.${ending}`, { each, text }];
    }),
  );
  const options: ts.CompilerOptions = {
    ...ts.parseJsonConfigFileContent(
      ts.readConfigFile(`${ROOT}tsconfig.json`, (path) => ts.sys.readFile(path)).config,
      ts.sys,
      ROOT,
    ).options,
    skipLibCheck: true,
  };
  const host = ts.createCompilerHost(options);
  const readFile = host.readFile.bind(host);
  const fileExists = host.fileExists.bind(host);
  const getSourceFile = host.getSourceFile.bind(host);
  host.fileExists = (name) => files.has(name) || fileExists(name);
  host.readFile = (name) => files.get(name)?.text ?? readFile(name);
  host.getSourceFile = (name, version, ...rest) => {
    const file = files.get(name);
    return file === undefined
      ? getSourceFile(name, version, ...rest)
      : ts.createSourceFile(name, file.text, version);
  };
  const program = ts.createProgram([...files.keys()], options, host);
  return [...files].flatMap(([name, { each }]) => {
    const source = program.getSourceFile(name);
    return ts.getPreEmitDiagnostics(program, source).map(({ start = 0, messageText }) => {
      const line = each.line + (source?.getLineAndCharacterOfPosition(start).line ?? 0);
      return `${each.page}:${line}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`;
    });
  });
}

/** What is added stands behind the snippet, so that its lines keep their numbers. */
function complete(code: string): string {
  const { imports, application } = leftOutOf(code);
  return `${code}\n${imports}\n${application}\nexport {};\n`;
}
