import { connect, type NatsConnection } from '@nats-io/transport-node';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';

import { closedMailboxes, natsAt, refuseClosed } from '../../../examples/subject-nats.mjs';
import { describeWith } from '../support/describe-with.js';
import { eventually } from '../support/eventually.js';
import { NatsServer } from '../support/nats-server.js';
import { missingForNats } from '../support/requirements.js';

const DATA = 'Subject: closed?\r\n\r\nThe body.\r\n';
const CLOSED = '550 5.7.1 This mailbox is closed';
const SUBJECT = 'mail.closed';

describeWith('closed mailboxes by way of NATS behind Postfix', [missingForNats()], (bench) => {
  let nats: NatsServer;
  beforeAll(async () => {
    nats = await NatsServer.start();
  });
  afterAll(() => nats.stop());

  /** Who says which mailboxes are closed, to whoever asks, and at each change. */
  async function administrator(boxes: string[]): Promise<{ close(...boxes: string[]): Promise<void> }> {
    let now = JSON.stringify(boxes);
    const connection: NatsConnection = await connect({ servers: nats.address, reconnect: false });
    onTestFinished(() => connection.close());
    connection.subscribe(`${SUBJECT}.now`, { callback: (_error, message) => void message.respond(now) });
    await connection.flush();
    return {
      close: async (...changed) => {
        now = JSON.stringify(changed);
        connection.publish(SUBJECT, now);
        await connection.flush();
      },
    };
  }

  async function serving(): Promise<unknown[]> {
    const outages: unknown[] = [];
    const report = (error: unknown): void => void outages.push(error);
    const boxes = closedMailboxes(natsAt(nats.address), SUBJECT, {
      report,
      retries: { initial: 20, max: 50 },
    });
    const kept = boxes.subscribe();
    onTestFinished(() => kept.unsubscribe());
    await bench().serve(refuseClosed(boxes));
    return outages;
  }

  async function send(): Promise<string> {
    const client = await bench().greeted();
    const reply = await client.deliver({ data: DATA });
    await client.quit();
    return reply;
  }

  test('a list that was there before counts, and so does each that follows', async () => {
    const { close } = await administrator(['bob@dst.example']);
    const outages = await serving();
    expect(await send()).toBe(CLOSED);
    await close();
    await eventually('the mailbox to be open', async () => (await send()).startsWith('250 '));
    await close('carol@dst.example', 'Bob@dst.example');
    await eventually('the mailbox to be closed', async () => (await send()) === CLOSED);
    expect(outages).toEqual([]);
  });

  test('it stays while NATS is away, and is asked for when it is back', async () => {
    await administrator(['bob@dst.example']);
    const outages = await serving();
    expect(await send()).toBe(CLOSED);
    await nats.stop();
    await eventually('the outage', () => outages.length === 1);
    expect(await send()).toBe(CLOSED);
    await nats.resume();
    expect(await send()).toBe(CLOSED);
    await administrator([]);
    await eventually('the mailbox to be open', async () => (await send()).startsWith('250 '));
    expect(outages).toHaveLength(1);
  });
});
