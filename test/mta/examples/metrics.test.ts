import { once } from 'node:events';
import { Writable } from 'node:stream';
import { pino } from 'pino';
import promClient from 'prom-client';
import { addHeader, compose, on, reject } from 'rxmilter';
import { expect, onTestFinished, test } from 'vitest';

import { serveMetrics, serveWatched } from '../../../examples/metrics.mjs';
import { describePostfix } from '../support/describe-postfix.js';
import { eventually } from '../support/eventually.js';

const filter = compose(
  on('rcpt', ({ address }) => address.startsWith('nobody') && reject('No such user')),
  on('eom', () => addHeader('X-Watched', 'yes')),
);

describePostfix('metrics and log of a filter behind Postfix', (bench) => {
  test('have each message once, under the queue id of Postfix', async () => {
    const register = new promClient.Registry();
    const lines: Record<string, unknown>[] = [];
    const sink = new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        lines.push(JSON.parse(chunk.toString()) as Record<string, unknown>);
        done();
      },
    });
    const server = await serveWatched(
      filter,
      { listen: bench().milter.inet },
      { register, logger: pino(sink) },
    );
    onTestFinished(() => server.close());
    const metrics = await serveMetrics(register, { port: 0 });
    onTestFinished(() => metrics.close());
    const text = async (): Promise<string> =>
      (await fetch(`http://127.0.0.1:${metrics.port}/metrics`)).text();

    const client = await bench().greeted();
    const data = 'Subject: watched\r\n\r\nHello\r\n';
    const queued: string[] = [];
    for (let round = 0; round < 2; round++) {
      const reply = await client.deliver({ data });
      queued.push(/^250 .*queued as (\w+)/.exec(reply)?.[1] ?? reply);
    }
    expect(await client.deliver({ rcpts: ['<nobody@dst.example>'], data })).toBe('550 5.7.1 No such user');
    expect(await text()).toMatch(/^rxmilter_connections 1$/m);
    await client.quit();
    await bench().sink.next();
    await bench().sink.next();

    await eventually('three lines', () => lines.length === 3);
    expect(lines.map(({ queueId, result, refused }) => ({ queueId, result, refused }))).toEqual([
      { queueId: queued[0], result: 'accepted', refused: 0 },
      { queueId: queued[1], result: 'accepted', refused: 0 },
      { queueId: undefined, result: 'refused', refused: 1 },
    ]);
    await eventually('the end of the session', async () => /^rxmilter_connections 0$/m.test(await text()));
    expect(await text()).toMatch(/^rxmilter_outcomes_total\{stage="eom",decision="none"\} 2$/m);
    expect(await text()).toMatch(/^rxmilter_modifications_total\{kind="addHeader"\} 2$/m);
    await once(sink.end(), 'finish');
  });
});
