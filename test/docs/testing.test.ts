import { compose } from 'rxmilter';
import { eom, message, contract } from 'rxmilter/testing';
import { afterEach, describe, expect, test, vi } from 'vitest';

import { readPage, tableBelow } from './support/markdown.js';
import { runSnippet } from './support/run-snippet.js';

interface WrittenTest {
  readonly name: string;
  readonly body: () => unknown;
}

/** The tests that a snippet has written down for its test runner. */
async function testsIn(
  snippet: string,
  application: Readonly<Record<string, unknown>> = {},
  replacements: Readonly<Record<string, string>> = {},
): Promise<readonly WrittenTest[]> {
  const tests: WrittenTest[] = [];
  const written = (name: string, body: () => unknown): void => void tests.push({ name, body });
  const runner = { test: written, expect, vi, afterEach: () => undefined };
  await runSnippet(snippet, application, replacements, { vitest: runner, 'node:test': runner });
  return tests;
}

const directory = {
  mailboxExists: (address: string): Promise<boolean> => Promise.resolve(address !== 'nobody@example.org'),
};

const scanner = {
  findVirus: (body: Uint8Array): Promise<string | undefined> =>
    Promise.resolve(Buffer.from(body).includes('EICAR') ? 'EICAR' : undefined),
};

afterEach(() => {
  vi.useRealTimers();
});

describe('the page on testing', () => {
  test.each<[string, number, Readonly<Record<string, unknown>>]>([
    ['drawing', 1, {}],
    ['time', 3, {}],
    ['stream', 1, {}],
    ['runners', 1, {}],
    ['steps', 2, directory],
    ['timeouts', 1, { mailboxExists: () => new Promise(() => undefined) }],
    ['mails', 1, {}],
    ['message-tests', 3, scanner],
    ['contract', 8, directory],
  ])('%s: its tests pass', async (name, count, application) => {
    const tests = await testsIn(name, application);
    expect(tests.length).toBe(count);
    for (const { body } of tests) await body();
  });

  test('drawing: fails with the words that it shows', async () => {
    const [written] = await testsIn('drawing', {}, { "'-b-N-|'": "'-b-n-|'" });
    let said = '';
    try {
      written?.body();
    } catch (error) {
      said = error instanceof Error ? error.message : '';
    }
    expect(said).not.toBe('');
    expect(readPage('docs/testing.md')).toContain(`\n\`\`\`text\n${said}\n\`\`\`\n`);
  });

  test('message-tests: the filter is what its tests are about', async () => {
    const [postfix, , holds] = await testsIn('message-tests', {
      findVirus: (body: Uint8Array) => Promise.resolve(Buffer.from(body).includes('EICAR') ? undefined : 'x'),
    });
    await expect(postfix?.body()).rejects.toThrow();
    await expect(holds?.body()).rejects.toThrow();
  });

  test('steps: the filter is what its tests are about', async () => {
    const [asks] = await testsIn('steps', { mailboxExists: () => Promise.resolve(true) });
    await expect(asks?.body()).rejects.toThrow();
  });

  test('lost: the scanner is told', async () => {
    const signals: AbortSignal[] = [];
    const findVirus = (_message: Uint8Array, signal: AbortSignal): Promise<undefined> => {
      signals.push(signal);
      return new Promise(() => undefined);
    };
    for (const { body } of await testsIn('lost', { findVirus })) await body();
    expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
  });

  test('events: the message is in its order', async () => {
    const { events } = await runSnippet<{ events: ReturnType<typeof message> }>('events');
    expect(events.map(({ stage }) => stage).join(', ')).toBe(
      'mail, rcpt, rcpt, data, header, eoh, body, eom',
    );
    expect(events.at(-1)).toEqual(eom());
  });

  test('names the rules of the contract', () => {
    const rules = tableBelow('docs/testing.md', 'The rules that every filter keeps').map(({ Rule }) => Rule);
    expect(rules).toEqual(contract(compose()).map(({ rule }) => rule));
  });
});
