import { NEVER, Observable } from 'rxjs';
import {
  addHeader,
  compose,
  deadline,
  edit,
  on,
  onMessage,
  remote,
  serve,
  tempfail,
  type Outcome,
} from 'rxmilter';
import { expect, onTestFinished, test } from 'vitest';

import { describeMtas } from '../support/describe-mtas.js';
import { TOLD_BY } from '../support/told-by.js';

const DATA = 'Subject: deadline\r\n\r\nThe body.\r\n';
const LATE = tempfail('Too slow, try again');

describeMtas('a filter with a deadline', (bench, mta) => {
  const told = TOLD_BY[mta];

  test('that is over answers with its decision, for that recipient alone', async () => {
    const signals: AbortSignal[] = [];
    const outcomes: Outcome[] = [];
    const server = await bench().serve(
      deadline(
        50,
        on('rcpt', ({ address }, { signal }) => {
          if (address !== 'bob@dst.example') return undefined;
          signals.push(signal);
          return new Promise(() => undefined);
        }),
        LATE,
      ),
    );
    server.outcomes.subscribe((outcome) => outcomes.push(outcome));
    const client = await bench().greeted();
    await client.command('MAIL FROM:<alice@src.example>');
    expect(await client.command('RCPT TO:<ann@dst.example>')).toMatch(/^250 /);
    expect(await client.command('RCPT TO:<bob@dst.example>')).toBe(
      told.reply('451 4.7.1 Too slow, try again', '<bob@dst.example>'),
    );
    await client.command('DATA');
    expect(await client.content(DATA)).toMatch(/^250 /);

    expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
    expect(outcomes.filter(({ decision }) => decision?.kind === 'tempfail')).toMatchObject([
      { stage: 'rcpt', error: undefined },
    ]);
    expect((await bench().sink.next()).rcpts).toHaveLength(1);
  });

  test('lets mail pass to later filters, past a milter that does not answer, and hangs up on that', async () => {
    let ended: () => void = () => undefined;
    const hungUp = new Promise<void>((resolve) => (ended = resolve));
    const slow = await serve(
      on('eom', () => new Observable<never>(() => ended)),
      { listen: 'inet:0@127.0.0.1' },
    );
    onTestFinished(() => slow.destroy());
    await bench().serve(
      compose(
        deadline(100, remote(slow.address, { stages: ['eom'] }), 'pass'),
        on('eom', () => addHeader('X-Later', 'asked')),
      ),
    );
    const client = await bench().greeted();
    expect(await client.deliver({ data: DATA })).toMatch(/^250 /);
    expect((await bench().sink.next()).data.toString()).toContain('X-Later: asked\r\n');
    await hungUp;
  });

  test('has another milter asked that is in time, and takes its changes', async () => {
    const milter = await serve(
      on('eom', () => addHeader('X-Remote', 'yes')),
      { listen: 'inet:0@127.0.0.1' },
    );
    onTestFinished(() => milter.destroy());
    await bench().serve(deadline(5000, remote(milter.address), LATE));
    const client = await bench().greeted();
    expect(await client.deliver({ data: DATA })).toMatch(/^250 /);
    expect(await client.deliver({ data: DATA })).toMatch(/^250 /);
    for (let message = 0; message < 2; message++) {
      expect((await bench().sink.next()).data.toString()).toContain('X-Remote: yes\r\n');
    }
  });

  test('at the end of a message keeps the MTA waiting up to then, and not beyond', async () => {
    let asked = 0;
    await bench().serve(
      deadline(
        // Longer than the MTA would wait without signs of life.
        3000,
        onMessage((message) =>
          ++asked === 1
            ? NEVER
            : edit(message, (draft) => {
                draft.headers.append('X-Size', String(message.body.size));
              }),
        ),
        LATE,
      ),
      { timeouts: { progress: 200 } },
    );
    const client = await bench().greeted('hasty');
    expect(await client.deliver({ data: DATA })).toBe('451 4.7.1 Too slow, try again');
    expect(await client.deliver({ data: DATA })).toMatch(/^250 /);
    expect((await bench().sink.next()).data.toString()).toContain('X-Size: 11\r\n');
  });
});
