import type { RedisClient } from 'rxmilter/policies';

/** As a reply: no reply at all. */
export const HANGS = 'hangs';

/** What the server replies to a script: a number, an error, or nothing at all. */
export type FakeReply = number | string | null | Error;

/** A client whose server knows no script before it was sent whole, and otherwise replies what it is told to. */
export interface FakeRedis extends RedisClient {
  readonly sent: string[][];
  reply: FakeReply;
}

/** Makes one. */
export function fakeRedis(reply: FakeReply = 1): FakeRedis {
  let known = false;
  const fake: FakeRedis = {
    sent: [],
    reply,
    sendCommand: (words) => {
      fake.sent.push(words);
      if (fake.reply === HANGS) return new Promise(() => undefined);
      if (fake.reply instanceof Error) return Promise.reject(fake.reply);
      if (words[0] === 'EVALSHA' && !known) {
        return Promise.reject(new Error('NOSCRIPT No matching script. Please use EVAL.'));
      }
      known = true;
      return Promise.resolve(fake.reply);
    },
  };
  return fake;
}
