import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MilterServer } from 'rxmilter';
import type { Reputation } from 'rxmilter/policies';
import { simulate } from 'rxmilter/testing';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';

import { fakeRedis } from '../policies/support/fake-redis.js';
import { messageOutcome, recipientOutcome } from '../policies/support/message-outcome.js';
import { runSnippet } from './support/run-snippet.js';
import { servingSnippet, type WithFilter } from './support/serving-snippet.js';
import { repliesTo, senderTo, serving } from './support/serving.js';

const GONE = '550 5.7.1 No such user';

/** A directory that does not know the mailboxes that begin with `gone`. */
const knows = (address: string): boolean => !address.startsWith('gone');

// The time of day stands still, so that no window ends in the middle of a test.
beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'], now: 1_700_000_123_456 }));
afterEach(() => void vi.useRealTimers());

describe('the guide, on look-ups', () => {
  test('sharedLookUp: one question for all who ask at the same time, and for the next minute', async () => {
    const answers: (() => void)[] = [];
    const mailboxExists = vi.fn(
      (address: string) => new Promise<boolean>((resolve) => answers.push(() => resolve(knows(address)))),
    );
    const { filter } = await runSnippet<WithFilter>('sharedLookUp', { mailboxExists });
    const [one, other] = [await simulate(filter), await simulate(filter)];
    onTestFinished(async () => {
      await Promise.all([one.close(), other.close()]);
    });
    const both = [one.rcpt('gone@example.org'), other.rcpt('GONE@example.org')];
    // The other one has arrived where it has asked, too, and was not let through.
    await vi.waitFor(() =>
      expect([...one.lines, ...other.lines].filter((l) => l.includes('> rcpt'))).toHaveLength(2),
    );
    await vi.waitFor(() => expect(answers).toHaveLength(1));
    answers[0]?.();
    expect((await Promise.all(both)).map(({ verdict }) => verdict)).toEqual(['reject', 'reject']);
    expect((await one.rcpt('gone@example.org')).verdict).toBe('reject');
    expect(mailboxExists).toHaveBeenCalledTimes(1);
  });

  test('sharedLookUp-promise: the same message is scanned once', async () => {
    const findVirus = vi.fn((message: Uint8Array) =>
      Promise.resolve(Buffer.from(message).includes('EICAR') ? 'EICAR' : undefined),
    );
    const send = await servingSnippet('sharedLookUp-promise', { findVirus });
    const [bad, good] = [{ body: 'EICAR\n' }, { body: 'Hello.\n' }];
    for (let count = 0; count < 3; count++) {
      expect((await send(bad)).outcome).toBe('refused');
      expect((await send(good)).outcome).toBe('delivered');
    }
    expect(findVirus).toHaveBeenCalledTimes(2);
  });

  test('backoff: a directory that fails twice is asked a third time', async () => {
    let tries = 0;
    const mailboxExists = (address: string): Promise<boolean> =>
      ++tries < 3 ? Promise.reject(new Error('busy')) : Promise.resolve(knows(address));
    const send = await servingSnippet('backoff', { mailboxExists });
    expect(repliesTo(await send({ recipients: ['gone@example.org'] }))).toEqual({ 'gone@example.org': GONE });
    expect(tries).toBe(3);
  });

  test('reloaded: rules in a file, from the first connection on and when they change', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'rxmilter-guide-'));
    const path = join(directory, 'rules.json');
    onTestFinished(() => rmSync(directory, { recursive: true }));
    writeFileSync(path, '{ "blocked": ["one@example.net"] }');
    const { filter } = await runSnippet<WithFilter>('reloaded', {}, { 'rules.json': path });
    const send = await serving(filter);
    const outcomes = async (): Promise<string[]> => [
      (await send({ sender: 'one@example.net' })).outcome,
      (await send({ sender: 'two@example.net' })).outcome,
    ];
    expect(await outcomes()).toEqual(['refused', 'delivered']);
    writeFileSync(path, '{ "blocked": ["two@example.net"], "since": "today" }');
    await vi.waitFor(async () => expect(await outcomes()).toEqual(['delivered', 'refused']), 10_000);
  });
});

describe('the guide, on policies', () => {
  test('rate-limits: a sender with a key of its own, and a subject', async () => {
    const send = await servingSnippet('rate-limits');
    const newsletter = { sender: 'offers@newsletter.example' };
    expect((await send(newsletter)).outcome).toBe('delivered');
    const again = await send(newsletter);
    expect(again.outcome).toBe('deferred');
    expect(again.steps.find(({ command }) => command === 'mail')?.reply).toMatchObject({
      code: 450,
      enhanced: '4.7.1',
    });
    // The newsletter was the first of twenty with this subject.
    for (let count = 2; count <= 20; count++) expect((await send()).outcome).toBe('delivered');
    expect((await send()).outcome).toBe('deferred');
    expect((await send({ headers: [['Subject', 'Another']] })).outcome).toBe('delivered');
  });

  test('greylist: a first attempt waits, a partner does not', async () => {
    const send = await servingSnippet('greylist');
    expect(repliesTo(await send())).toEqual({
      'bob@example.org': '451 4.7.1 Greylisted, please try again in 60 seconds',
    });
    const client = { host: 'mx.partner.example', address: '192.0.2.9' };
    expect((await send({ client })).outcome).toBe('delivered');
  });

  test('reputation: who tries too many that do not exist is put off, and others are not', async () => {
    const mailboxExists = (address: string): Promise<boolean> => Promise.resolve(knows(address));
    const { server } = await runSnippet<{ server: MilterServer }>('reputation', { mailboxExists });
    const send = senderTo(server);
    const over = vi.fn();
    server.messages.subscribe(over);
    const guesses = Array.from({ length: 10 }, (_, at) => `gone${at}@b.test`);
    expect(
      (await send({ recipients: [...guesses, 'bob@b.test'] })).accepted.map(({ address }) => address),
    ).toEqual(['bob@b.test']);
    // Ten are not above ten.
    expect((await send({ recipients: ['gone@b.test'] })).accepted.map(({ address }) => address)).toEqual([]);
    await vi.waitFor(() => expect(over).toHaveBeenCalledTimes(2));
    for (let count = 0; count < 3; count++) {
      const late = await send();
      expect(late.outcome).toBe('deferred');
      expect(late.steps.map(({ command, reply }) => [command, reply.code])).toContainEqual(['mail', 450]);
    }
    expect((await send({ client: { host: 'other.example', address: '192.0.2.77' } })).outcome).toBe(
      'delivered',
    );
    // After three half-lives less than two points are left.
    vi.setSystemTime(Date.now() + 3 * 3_600_000);
    expect((await send()).outcome).toBe('delivered');
  });

  test('reputation: what is found at the end of a message costs five', async () => {
    const { server, known } = await runSnippet<{ server: MilterServer; known: Reputation }>('reputation', {
      mailboxExists: () => Promise.resolve(true),
    });
    const send = senderTo(server);
    const found = messageOutcome('192.0.2.1', { recipients: [recipientOutcome('accepted')], stage: 'eom' });
    const client = { host: 'client.example', address: '192.0.2.1' };
    for (const outcome of ['delivered', 'delivered', 'deferred']) {
      known.penalise(found);
      expect((await send({ client })).outcome).toBe(outcome);
    }
  });

  test('shared-policies: what Redis says, and what happens without it', async () => {
    const log = vi.fn();
    const redis = fakeRedis(1);
    const { filter } = await runSnippet<WithFilter>('shared-policies', { log, redis });
    const send = await serving(filter);
    expect(Object.values(repliesTo(await send()))).toEqual([
      '451 4.7.1 Greylisted, please try again in 1 second',
    ]);
    expect(redis.sent.map(([, , , key]) => key)).toEqual(
      expect.arrayContaining(['rxmilter:count:60000:["mail client","192.0.2.1/32"]']),
    );
    redis.reply = new Error('The client is closed');
    expect(Object.values(repliesTo(await send()))).toEqual([
      '451 4.3.0 Temporarily out of order, please try again later',
    ]);
    redis.reply = 0;
    expect((await send()).outcome).toBe('delivered');
    const error = 'Redis cannot be asked: The client is closed';
    const away = { redis: 'away', error };
    expect(log.mock.calls.flat()).toEqual([away, away, { redis: 'back' }, { redis: 'back' }]);
  });

  test('bursts: who guesses too often is not let in any more', async () => {
    const mailboxExists = (address: string): Promise<boolean> => Promise.resolve(knows(address));
    const { server } = await runSnippet<{ server: MilterServer }>('bursts', { mailboxExists });
    const send = senderTo(server);
    const recipients = ['gone1@b.test', 'gone2@b.test', 'gone3@b.test', 'gone4@b.test', 'bob@b.test'];
    expect((await send({ recipients })).accepted.map(({ address }) => address)).toEqual(['bob@b.test']);
    expect(
      (await send({ recipients: ['gone5@b.test', 'bob@b.test'] })).accepted.map(({ address }) => address),
    ).toEqual(['bob@b.test']);
    const blocked = await send();
    expect(blocked.steps.map(({ command, reply }) => [command, reply.code])).toEqual([['connect', 421]]);
    const other = { host: 'other.example', address: '192.0.2.77' };
    expect((await send({ client: other })).outcome).toBe('delivered');
  });
});
