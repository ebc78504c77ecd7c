import { BehaviorSubject, mergeMap, ReplaySubject } from 'rxjs';
import { addHeader, compose, listen, on, reject, sink, type Outcome } from 'rxmilter';
import { expect, test } from 'vitest';

import { describePostfix } from '../support/describe-postfix.js';
import { eventually } from '../support/eventually.js';
import { isListening } from '../support/is-listening.js';

const DATA = 'Subject: the long form\r\n\r\nThe body.\r\n';

const filter = compose(
  on('rcpt', ({ address }) => (address === 'bob@dst.example' ? reject('not bob') : undefined)),
  on('eom', () => addHeader('X-Seen', 'yes')),
);

describePostfix('ways to serve behind Postfix', (bench) => {
  test('the long form: listen, filter, sink', async () => {
    const outcomes: Outcome[] = [];
    const port = Number(/^inet:(\d+)@/.exec(bench().milter.inet)?.[1]);
    const serving = listen({ port, host: '127.0.0.1' })
      .pipe(mergeMap((session) => session.events.pipe(filter, sink(session))))
      .subscribe((outcome) => outcomes.push(outcome));
    await eventually('the filter', () => isListening(port));

    const client = await bench().greeted();
    expect(await client.deliver({ rcpts: ['<ann@dst.example>', '<bob@dst.example>'], data: DATA })).toBe(
      '550 5.7.1 not bob',
    );
    await client.command('RSET');
    expect(await client.deliver({ rcpts: ['<ann@dst.example>'], data: DATA })).toMatch(/^250 /);
    await client.quit();

    expect((await bench().sink.next()).data.toString()).toContain('X-Seen: yes\r\n');
    expect(outcomes.filter(({ stage }) => stage === 'rcpt')).toMatchObject([
      { error: undefined },
      { decision: { kind: 'reject' }, error: undefined },
      { error: undefined },
    ]);
    expect(outcomes.find(({ stage }) => stage === 'eom')).toMatchObject({
      modifications: [{ kind: 'addHeader', name: 'X-Seen' }],
    });
    serving.unsubscribe();
    await eventually('the end of the filter', () => !isListening(port));
  });

  test('a server tells what became of each event', async () => {
    const server = await bench().serve(filter);
    const outcomes: Outcome[] = [];
    server.outcomes.subscribe((outcome) => outcomes.push(outcome));
    const client = await bench().greeted();
    expect(await client.deliver({ data: DATA })).toBe('550 5.7.1 not bob');
    await client.quit();

    expect(outcomes.filter(({ decision }) => decision?.kind === 'reject')).toMatchObject([
      { stage: 'rcpt', session: { client: { address: '127.0.0.1' } }, error: undefined },
    ]);
  });

  test('a filter that is exchanged serves those who come after', async () => {
    const newest = new BehaviorSubject(on('mail', () => reject('the old one')));
    await bench().serve(newest);
    const before = await bench().greeted();
    expect(await before.deliver({ data: DATA })).toBe('550 5.7.1 the old one');
    newest.next(on('mail', () => reject('the new one')));

    expect(await before.deliver({ data: DATA })).toBe('550 5.7.1 the old one');
    expect(await (await bench().greeted()).deliver({ data: DATA })).toBe('550 5.7.1 the new one');
  });

  test('a decision by the newest value of a stream', async () => {
    const blocked = new ReplaySubject<ReadonlySet<string>>(1);
    await bench().serve(
      on('rcpt', blocked, ({ address }, list) => (list.has(address) ? reject('on the list') : undefined)),
    );
    const client = await bench().greeted();
    await client.command('MAIL FROM:<alice@src.example>');
    const first = client.command('RCPT TO:<bob@dst.example>'); // waits for the first value
    blocked.next(new Set(['bob@dst.example']));

    expect(await first).toBe('550 5.7.1 on the list');
    blocked.next(new Set(['cid@dst.example']));
    expect(await client.command('RCPT TO:<bob@dst.example>')).toBe('250 2.1.5 Ok');
    expect(await client.command('RCPT TO:<cid@dst.example>')).toBe('550 5.7.1 on the list');
  });
});
