import ts from 'typescript';

const ROOT = new URL('../../', import.meta.url).pathname;

/** What the compiler says of a file: the line, from 0, and the message, one sentence a line. */
export interface Complaint {
  readonly line: number;
  readonly message: string;
}

/** Compiles files that are in memory alone, under the settings of this project, as those of a user's would be. */
export function compile(texts: ReadonlyMap<string, string>): Map<string, Complaint[]> {
  const files = new Map([...texts].map(([name, text]) => [`${ROOT}test/${name}`, text]));
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
  host.readFile = (name) => files.get(name) ?? readFile(name);
  host.getSourceFile = (name, version, ...rest) => {
    const text = files.get(name);
    return text === undefined
      ? getSourceFile(name, version, ...rest)
      : ts.createSourceFile(name, text, version);
  };
  const program = ts.createProgram([...files.keys()], options, host);
  return new Map(
    [...texts.keys()].map((name) => {
      const source = program.getSourceFile(`${ROOT}test/${name}`);
      const found = ts.getPreEmitDiagnostics(program, source).map(({ start = 0, messageText }) => ({
        line: source?.getLineAndCharacterOfPosition(start).line ?? 0,
        message: ts.flattenDiagnosticMessageText(messageText, '\n'),
      }));
      return [name, found];
    }),
  );
}
