import { once } from 'node:events';
import type { AddressInfo, Server } from 'node:net';
import * as net from 'node:net';
import type { CheckReport } from 'rxmilter/mta';
import { describe, expect, onTestFinished, test, vi } from 'vitest';

import { CHECK_RULES } from '../../src/mta/check/rules.js';
import { runCli } from '../cli/support/run-cli.js';
import { snippetsOf, tableBelow } from './support/markdown.js';
import { runSnippet } from './support/run-snippet.js';

const PAGE = 'docs/check.md';

describe('the page on checking a milter', () => {
  test('check-broken: shows what the command prints of the milter on it', async () => {
    const { server } = await runSnippet<{ server: Server }>(
      'check-broken',
      {},
      { '8891': '0' },
      { 'node:net': net },
    );
    onTestFinished(() => void server.close());
    if (!server.listening) await once(server, 'listening');
    const address = `inet:${(server.address() as AddressInfo).port}@127.0.0.1`;
    const { code = '' } = snippetsOf(PAGE).find(({ language }) => language === 'console') ?? {};
    const [command = '', ...shown] = code.split('\n');
    const argv = command
      .replace(/^\$ rxmilter /, '')
      .replace('inet:8891@127.0.0.1', address)
      .split(' ');
    const { status, stdout, stderr } = await runCli([...argv, '--idle', '0.01']);
    // Where surplus replies show later depends on the time that they take.
    const masked = (text: string): string =>
      text
        .trim()
        .replace(/^ {10}and .*/gm, '  and others')
        .replace(/^Replied.*/gm, '');
    expect([masked(stdout), stderr, status]).toEqual([masked(shown.join('\n')), '', 1]);
  });

  test('check-program: finds nothing wrong with the filter', async () => {
    const log = vi.spyOn(console, 'log').mockImplementation(() => undefined);
    onTestFinished(() => log.mockRestore());
    const { findings, dialogues } = await runSnippet<CheckReport>('check-program');
    expect([findings, log.mock.calls]).toEqual([[], []]);
    expect(dialogues.length).toBeGreaterThan(45);
  });

  test('names every rule with its severity', () => {
    const rows = tableBelow(PAGE, 'What the findings mean').map(({ Rule, Severity }) => [Rule, Severity]);
    expect(rows).toEqual(Object.entries(CHECK_RULES).map(([rule, { severity }]) => [rule, severity]));
  });
});
