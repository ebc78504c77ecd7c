/* eslint-disable @typescript-eslint/no-unused-expressions -- the slips that are looked for */
import { setTimeout as pause } from 'node:timers/promises';
import { inspect } from 'node:util';
import { defer, map, of, type OperatorFunction } from 'rxjs';
import {
  ForgottenAnswerError,
  accept,
  addHeader,
  edit,
  on,
  onMessage,
  reject,
  tempfail,
  type Flow,
  type Outcome,
} from 'rxmilter';
import * as rx from 'rxmilter';
import { contract, simulate } from 'rxmilter/testing';
import { describe, expect, it } from 'vitest';

const FILE = 'forgotten-answers.test.ts';
const bad = true as boolean;
const later = (): Promise<void> => pause(1);

/** What two messages with one recipient each report. */
async function reported(filter: OperatorFunction<Flow, Flow>): Promise<readonly Outcome[]> {
  const mta = await simulate(filter);
  await mta.connect();
  for (let message = 0; message < 2; message++) {
    await mta.mail();
    await mta.rcpt();
    await mta.data();
    await mta.header('Subject', 'hi');
    await mta.eoh();
    await mta.body('x\r\n');
    await mta.eom();
  }
  await mta.close();
  return mta.outcomes.filter(({ error }) => error !== undefined);
}

/** The line of this file in the first or another frame of a stack. */
function lineOf({ stack = '' }: Error, frame = 1): number {
  return Number(new RegExp(`${FILE}:(\\d+):\\d+`).exec(stack.split('\n')[frame] ?? '')?.[1]);
}

describe('an answer that a project makes and does not return', () => {
  /** The line of the last `at()`, which stands on the line of the answer or just above it. */
  let line = 0;
  const at = (): boolean => {
    line = lineOf(new Error(), 2);
    return true;
  };

  it.each<[string, string, OperatorFunction<Flow, Flow>]>([
    [
      'in an if',
      'rcpt',
      on('rcpt', () => {
        if (bad && at()) reject('No');
      }),
    ],
    [
      'in a block',
      'rcpt',
      on('rcpt', () => {
        {
          at();
          reject('No');
        }
      }),
    ],
    [
      'behind another statement',
      'mail',
      on('mail', () => {
        at();
        tempfail('Later');
      }),
    ],
    [
      'by a condition',
      'rcpt',
      on('rcpt', () => {
        bad && at() && reject('No');
      }),
    ],
    [
      'in an else',
      'rcpt',
      on('rcpt', () => {
        if (!bad) return accept();
        else if (at()) reject('No');
        return undefined;
      }),
    ],
    [
      'in a loop',
      'rcpt',
      on('rcpt', () => {
        for (let n = 0; n < 1; n++) at() && reject('No');
      }),
    ],
    [
      'of a namespace',
      'rcpt',
      on('rcpt', () => {
        at();
        rx.reject('No');
      }),
    ],
    [
      'without an argument',
      'connect',
      on('connect', () => {
        at();
        reject();
      }),
    ],
    [
      'in an async function',
      'rcpt',
      on('rcpt', async () => {
        await later();
        at();
        reject('No');
      }),
    ],
    [
      'before an async function waits',
      'rcpt',
      on('rcpt', async () => {
        at();
        reject('No');
        await later();
      }),
    ],
    [
      'in an async generator',
      'rcpt',
      on('rcpt', async function* () {
        await later();
        at();
        reject('No');
        yield undefined;
      }),
    ],
    [
      'in a generator',
      'rcpt',
      on('rcpt', function* () {
        at();
        reject('No');
        yield undefined;
      }),
    ],
    [
      'in an Observable',
      'rcpt',
      on('rcpt', () =>
        of(1).pipe(
          map(() => {
            at();
            reject('No');
          }),
        ),
      ),
    ],
    [
      'in an Observable that takes time',
      'rcpt',
      on('rcpt', () =>
        defer(later).pipe(
          map(() => {
            at();
            reject('No');
          }),
        ),
      ),
    ],
    [
      'with the latest value of a stream',
      'rcpt',
      on('rcpt', of(1), () => {
        at();
        reject('No');
      }),
    ],
    [
      'with a latest value that is waited for',
      'rcpt',
      on('rcpt', later(), () => {
        at();
        reject('No');
      }),
    ],
    [
      'a modification',
      'eom',
      on('eom', () => {
        at();
        addHeader('X-Seen', 'yes');
      }),
    ],
    [
      'for a message',
      'eom',
      onMessage(() => {
        at();
        reject('No');
      }),
    ],
    [
      'for a message, later',
      'eom',
      onMessage(async () => {
        await later();
        at();
        reject('No');
      }),
    ],
    [
      'for a message that is streamed',
      'eom',
      onMessage({ body: 'stream' }, async ({ body }) => {
        for await (const _ of body);
        at();
        reject('No');
      }),
    ],
    [
      'an edit',
      'eom',
      onMessage({ body: 'none' }, (message) => {
        at();
        edit(message, ({ headers }) => {
          headers.set('Subject', 'x');
        });
      }),
    ],
    [
      'an async edit',
      'eom',
      onMessage({ body: 'none' }, async (message) => {
        await later();
        at();
        void edit(message, async ({ headers }) => {
          await later();
          headers.set('Subject', 'x');
        });
      }),
    ],
  ])('%s is reported, once and with its line', async (_, stage, filter) => {
    const outcomes = await reported(filter);
    expect(outcomes.map((outcome) => outcome.stage)).toEqual([stage]);
    const error = outcomes[0]?.error;
    expect(error).toBeInstanceOf(ForgottenAnswerError);
    expect(error?.message).toMatch(
      /^\w+\(\) was called and its result not returned, .* Write: return \w+\(…\)$/,
    );
    expect([line, line + 1]).toContain(lineOf(error ?? new Error()));
  });

  it.each<[string, OperatorFunction<Flow, Flow>]>([
    [
      'made in advance',
      on('rcpt', () => {
        const no = reject('No');
        return bad ? undefined : no;
      }),
    ],
    [
      'assigned',
      on('rcpt', () => {
        let no: unknown = undefined;
        if (bad) no = reject('No');
        return bad ? undefined : (no as undefined);
      }),
    ],
    [
      'kept for another stage',
      (() => {
        const kept: unknown[] = [];
        return on('mail', () => {
          kept.push(reject('No'));
        });
      })(),
    ],
    [
      'kept in an object',
      on('mail', () => {
        const kept = { no: reject('No'), other: tempfail() };
        return bad ? undefined : kept.no;
      }),
    ],
    [
      'an element of a list',
      on('mail', () => {
        const [no] = [reject('No')];
        return bad ? undefined : no;
      }),
    ],
    [
      'handed to a function',
      on('mail', () => {
        inspect(reject('No'));
      }),
    ],
    [
      'made beside the one that is returned',
      on('mail', () => {
        reject('No');
        return accept();
      }),
    ],
    [
      'made for later',
      on('mail', () => {
        const no = (): unknown => reject('No');
        return bad ? undefined : void no();
      }),
    ],
    [
      'made by another event meanwhile',
      on('rcpt', async () => {
        const no = reject('No');
        await later();
        return bad ? undefined : no;
      }),
    ],
  ])('is not reported where it is %s', async (_, filter) => {
    expect(await reported(filter)).toEqual([]);
  });

  it('is found behind many that were returned', async () => {
    let count = 0;
    const filter = on('rcpt', () => {
      if (count++ < 100) return reject('No');
      reject('No');
      return undefined;
    });
    const mta = await simulate(filter);
    await mta.mail();
    for (let n = 0; n < 104; n++) await mta.rcpt(`${n}@example.org`);
    await mta.close();
    expect(mta.outcomes.filter(({ error }) => error instanceof ForgottenAnswerError)).toHaveLength(1);
  });

  it('breaks a rule of its own in the contract, each time that it is looked at', async () => {
    const filter = on('rcpt', () => {
      reject('No');
    });
    const rules = contract(filter);
    const check = rules.find(({ rule }) => rule === 'returned')?.check;
    const failed = {
      rule: 'returned',
      message: expect.stringMatching(/^At rcpt: reject\(\) was called/) as string,
    };
    await expect(check?.()).rejects.toMatchObject(failed);
    await expect(check?.()).rejects.toMatchObject(failed);
    await expect(rules.find(({ rule }) => rule === 'no-errors')?.check()).resolves.toBeUndefined();
  });
});
