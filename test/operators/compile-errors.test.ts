import { expect, test } from 'vitest';

import { compile } from '../support/compile.js';

const STAGES = ['connect', 'helo', 'mail', 'rcpt', 'data', 'header', 'eoh', 'body', 'eom', 'unknown'];

/** What is wrong, and what the message has to say of it. */
const WRONG: readonly (readonly [code: string, ...said: string[]])[] = [
  // An answer that is not legal there, however it comes.
  [
    "on('rcpt', () => skip())",
    "'Skip'",
    'at rcpt: nothing, allow(), accept(), reject(), tempfail(), discard()',
  ],
  ["on('rcpt', async () => skip())", 'Promise<Skip>', 'at rcpt: nothing, allow()'],
  ["on('rcpt', async ({ address }) => { if (address === '') return skip(); })", 'Skip', 'at rcpt: '],
  ["on('rcpt', () => of(skip()))", 'Observable<Skip>', 'at rcpt: '],
  ["on('rcpt', function* () { yield skip(); })", 'Generator<Skip', 'at rcpt: '],
  ["on('rcpt', async function* () { yield skip(); })", 'AsyncGenerator<Skip', 'at rcpt: '],
  ["on('rcpt', () => [allow(), skip()])", 'Skip', 'at rcpt: '],
  ["on('rcpt', from([1]), () => skip())", "'Skip'", 'at rcpt: '],
  [
    "on('connect', () => discard())",
    "'Discard'",
    'at connect: nothing, allow(), accept(), reject() or tempfail()',
  ],
  ["on('helo', () => discard())", "'Discard'", 'at helo: nothing, allow(), accept(), reject() or tempfail()'],
  ["on('unknown', () => accept())", "'Accept'", 'at unknown: nothing, allow(), reject() or tempfail()'],
  ["on('mail', () => addHeader('A', 'b'))", "'AddHeader'", 'at mail: '],
  ["on('eom', () => skip())", "'Skip'", 'discard(), a modification or an edit'],
  ["on(['rcpt', 'body'], () => skip())", "'Skip'", 'at rcpt: ', 'at body: '],
  ['onMessage(() => skip())', "'Skip'", 'at eom: '],
  ['onMessage(async () => skip())', 'Promise<Skip>', 'at eom: '],
  ["onMessage({ body: 'none' }, async () => skip())", 'Promise<Skip>', 'at eom: '],
  // No answer at all.
  ["on('rcpt', () => 'reject')", '"reject"', 'at rcpt: '],
  ["on('rcpt', () => 550)", '550', 'at rcpt: '],
  ["on('rcpt', () => true)", 'true', 'at rcpt: '],
  ["on('rcpt', async () => ({ kind: 'bounce' }))", '"bounce"', 'at rcpt: '],
  // An option that is none.
  ["onMessage({ body: 'nnoe' }, () => reject())", '"nnoe"', 'keyof Bodies'],
  ["onMessage({ bdy: 'none' }, () => reject())", 'bdy', "Did you mean to write 'body'?"],
  // A stage that is none.
  ["on('rctp', () => reject())", '"rctp"', ...STAGES.map((stage) => `"${stage}"`)],
  ["on(['mail', 'rctp'], () => reject())", '"rctp"', ...STAGES.map((stage) => `"${stage}"`)],
  ["on('abort', () => reject())", '"abort"', ...STAGES.map((stage) => `"${stage}"`)],
];

/** What is right, and is read as what it is. */
const RIGHT: readonly string[] = [
  "on('rcpt', () => ({ kind: 'accept' }))",
  "on('rcpt', async () => ({ kind: 'accept' }))",
  "on('eom', () => ({ kind: 'addHeader', name: 'A', value: 'b' }))",
  "on('rcpt', () => new Promise((resolve) => setTimeout(() => resolve(reject()), 5)))",
  "on('rcpt', () => new Observable((subscriber) => subscriber.next(reject())))",
  "on('rcpt', ({ address }) => address === '' && reject())",
  "on(['mail', 'rcpt'], ({ address }) => { if (address === '') return reject(); })",
  "on('eom', async ({ session }) => (session.id === '' ? [addHeader('A', 'b'), accept()] : []))",
  "on<Stage>(['mail', 'eom'], (event) => (event.stage === 'mail' ? reject() : undefined))",
  "on('rcpt', (given as Project<'rcpt'>))",
  'onMessage(() => new Promise((resolve) => resolve(reject())))',
  "onMessage(Object({ body: 'none' }) as { body: string }, ({ body }) => body === undefined && reject())",
];

const PRELUDE = `
import { from, Observable, of } from 'rxjs';
import { accept, addHeader, allow, discard, on, onMessage, reject, skip, type Project, type Stage } from 'rxmilter';
declare const given: unknown;
`;

test(
  'the compiler says in a sentence or two what is wrong, and takes what is right',
  { timeout: 60_000 },
  () => {
    const codes = [...WRONG.map(([code]) => code), ...RIGHT];
    const complaints =
      compile(new Map([['given.ts', `${codes.join(';\n')};\n${PRELUDE}`]])).get('given.ts') ?? [];
    const of = (line: number): string[] =>
      complaints.filter((each) => each.line === line).flatMap(({ message }) => message.split('\n'));

    for (const [line, [code, ...said]] of WRONG.entries()) {
      const lines = of(line);
      // Of the stages in an array the compiler also says which one it is.
      expect(
        [code, lines.length >= 1 && lines.length <= (code.startsWith("on(['mail', 'rctp'") ? 4 : 2)],
        lines.join('\n'),
      ).toEqual([code, true]);
      for (const each of said)
        expect([code, lines.join('\n')]).toEqual([code, expect.stringContaining(each)]);
    }
    const others = complaints.filter(({ line }) => line >= WRONG.length && line < codes.length);
    expect(others.map(({ line, message }) => [codes[line], message])).toEqual([]);
  },
);
