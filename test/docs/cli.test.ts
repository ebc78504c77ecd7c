import { describe, expect, onTestFinished, test } from 'vitest';

import { runCli, startCli, type RunningCli } from '../cli/support/run-cli.js';
import { scratch } from '../cli/support/scratch.js';
import { readPage, snippet, snippetsOf } from './support/markdown.js';

const PAGE = 'docs/cli.md';
const [eml = ''] = snippetsOf(PAGE)
  .filter(({ language }) => language === 'eml')
  .map(({ code }) => code);
const CONSOLE = snippetsOf(PAGE)
  .filter(({ language }) => language === 'console')
  .map(({ code }) => {
    const [first = '', ...output] = code.split('\n');
    return { command: first.replace(/^\$ rxmilter /, ''), output: output.join('\n') };
  });

/** Without what is another one each time, and without a blank that editors take away. */
function masked(output: string): string {
  return output
    .replace(/^ $/gm, '')
    .replace(/queued as \w+/g, 'queued as ID')
    .replace(/\(after [\d.]+ ms\)/g, '(after T)')
    .replace(/^(Session )\d+/gm, '$1N');
}

/** Words, those in quotes as one. */
function words(command: string): string[] {
  return [...command.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');
}

describe('the page about the command line', () => {
  test('shows what the commands on it print', async () => {
    const filter = snippet('cli-filter').code;
    const cwd = scratch({
      'mail.eml': eml,
      'filter.mjs': filter,
      'changed.mjs': filter.replace('[external]', '[outside]'),
    });
    let server: RunningCli | undefined;
    let address = '';
    const stop = async (): Promise<void> => {
      server?.stop();
      await server?.result;
    };
    onTestFinished(stop);
    expect(CONSOLE.map(({ command }) => command.split(' ')[0])).toEqual([
      'serve',
      'send',
      'send',
      'replay',
      'replay',
    ]);
    for (const { command, output } of CONSOLE) {
      if (command.startsWith('serve')) {
        const argv = words(command.replace('inet:8891@', 'inet:0@'));
        server = startCli(argv, { cwd });
        const [line, where = ''] = await server.said(/^Listening on (\S+)\n/);
        address = where;
        expect(line.replace(address, 'inet:8891@127.0.0.1')).toBe(output);
        continue;
      }
      if (command.startsWith('replay')) await stop();
      const argv = words(command).map((word) => (word === 'inet:8891@127.0.0.1' ? address : word));
      const { stdout, stderr } = await runCli(argv, { cwd });
      expect([command, masked(stdout), stderr]).toEqual([command, masked(output), '']);
    }
  });

  test('names every option of every command, and no others', async () => {
    const [, ...sections] = readPage(PAGE).split(/^## rxmilter /m);
    expect(sections).toHaveLength(4);
    for (const section of sections) {
      const [name = ''] = section.split('\n');
      const { stdout } = await runCli([name, '--help']);
      const options = [...stdout.matchAll(/^ {2}(?:-\w, )?--([a-z]+)/gm)]
        .map(([, option = '']) => option)
        .filter((option) => !['help', 'debug'].includes(option));
      const body = section.split('\n## ')[0] ?? '';
      const named = new Set([...body.matchAll(/`--([a-z]+)/g)].map(([, option = '']) => option));
      expect([name, [...named].sort()]).toEqual([name, options.sort()]);
    }
  });
});
