import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { map, tap } from 'rxjs';
import { expect, onTestFinished, test } from 'vitest';

import { rulesIn, senderRules } from '../../../examples/reloading-rules.mjs';
import { describePostfix } from '../support/describe-postfix.js';
import { eventually } from '../support/eventually.js';

const ONE = '<alice@one.example>';
const TWO = '<alice@two.example>';
const DATA = 'Subject: rules\r\n\r\nHello\r\n';

describePostfix('rules that are reloaded behind Postfix', (bench) => {
  test('apply to new connections, a broken file changes nothing, and open connections keep theirs', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'rxmilter-rules-'));
    onTestFinished(() => rmSync(directory, { recursive: true }));
    const path = join(directory, 'rules.txt');
    const replace = (text: string): void => {
      writeFileSync(`${path}.new`, text);
      renameSync(`${path}.new`, path);
    };
    const told = async (mail: string, client = bench().greeted()): Promise<string> => {
      const speaker = await client;
      const reply = await speaker.command(`MAIL FROM:${mail}`);
      await speaker.command('RSET');
      return reply.slice(0, 3);
    };
    const reported: string[] = [];
    const taken: string[][] = [];
    replace('reject @one.example\n');
    const stop = new AbortController();
    onTestFinished(() => stop.abort());
    const report = ({ message }: Error): number => reported.push(message);
    const rules$ = rulesIn(path, { interval: 20, report, signal: stop.signal });
    await bench().serve(
      rules$.pipe(
        tap((rules) => taken.push([...rules.keys()])),
        map(senderRules),
      ),
    );
    const early = await bench().greeted();
    expect(await told(ONE, Promise.resolve(early))).toBe('550');

    replace('reject @one.example\nrejct @two.example\n');
    await eventually('the complaint', () => reported.length === 1);
    expect(reported).toEqual([
      'reloaded(): loading failed: rules.txt:2: "rejct" is no action. Write reject or tempfail.',
    ]);
    expect([await told(ONE), await told(TWO)]).toEqual(['550', '250']);

    replace('reject @two.example\n');
    await eventually('the new rules', () => taken.length === 2);
    expect(taken).toEqual([['@one.example'], ['@two.example']]);
    expect([await told(ONE), await told(TWO)]).toEqual(['250', '550']);
    // Its connection was open before: its rules are still the first ones.
    expect(await told(ONE, Promise.resolve(early))).toBe('550');
    expect(await early.deliver({ mail: TWO, data: DATA })).toMatch(/^250 /);
    expect((await bench().sink.next()).data.toString()).toContain('Subject: rules\r\n');
    expect(reported.length).toBe(1);
  });
});
