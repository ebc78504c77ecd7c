import { compose, type Filter, observe, on, accept, type SessionOptions } from 'rxmilter';
import { describe, expect, it, vi } from 'vitest';

import { Turn, turnOf } from '../../src/session/turn.js';
import { commandCodec, type Command } from '../../src/transport/wire/commands.js';
import { replyCodec } from '../../src/transport/wire/replies.js';
import { link, type Link } from '../support/session-link.js';

/** Every right; without, and with, the flags that let an MTA not wait. */
const WAITING = { type: 'optneg', version: 2, actions: 0x3f, protocol: 0x7f, lists: [] } as const;
const SILENT = { type: 'optneg', version: 6, actions: 0x1ff, protocol: 0x1fffff, lists: [] } as const;

const CONTINUE = replyCodec.encode({ type: 'continue' }).toString('hex');
const ACCEPT = replyCodec.encode({ type: 'accept' }).toString('hex');

const mail: Command = { type: 'mail', address: '<a@a.test>', args: [] };
const eom: Command = { type: 'eom', data: Buffer.alloc(0) };
const body = (text: string | Buffer): Command => ({ type: 'body', data: Buffer.from(text) });

/** A filter that holds each piece of a body, and notes what it sees. */
class Holder {
  readonly seen: string[] = [];
  readonly releases: (() => void)[] = [];
  readonly turns: Turn[] = [];
  readonly filter: Filter = compose(
    observe(['mail', 'body', 'abort', 'close'], (event) => {
      this.seen.push(event.stage === 'body' ? String(Buffer.from(event.chunk)).slice(0, 10) : event.stage);
      if (event.stage !== 'body') return;
      const turn = turnOf(event);
      if (turn === undefined) return;
      this.turns.push(turn);
      this.releases.push(turn.pause());
    }),
    on('eom', () => {
      this.seen.push('eom');
      return accept();
    }),
  );

  release(index = this.releases.length - 1): void {
    this.releases[index]?.();
  }
}

function speak(made: Link, ...commands: readonly Command[]): string[] {
  return made.ask(...commands.map((command) => commandCodec.encode(command)));
}

function holding(
  offer: Command = SILENT,
  options: SessionOptions = {},
): { readonly holder: Holder; readonly made: Link } {
  const holder = new Holder();
  const made = link(holder.filter, options);
  speak(made, offer);
  return { holder, made };
}

describe('a filter that holds an event', () => {
  it('keeps all that comes later until it lets go, and then gets it in order', () => {
    const { holder, made } = holding();
    expect(speak(made, mail, body('one'), body('two'), eom)).toEqual([]);
    expect(holder.seen).toEqual(['mail', 'one']);
    holder.release();
    expect([holder.seen, made.heard()]).toEqual([['mail', 'one', 'two'], []]);
    holder.release();
    expect([holder.seen, made.heard()]).toEqual([['mail', 'one', 'two', 'eom'], [ACCEPT]]);
    expect(made.outcomes).toMatchObject([{ stage: 'eom', decision: { kind: 'accept' }, error: undefined }]);
  });

  it('has an MTA that cannot but wait get its answer when it lets go, and not before', () => {
    const { holder, made } = holding(WAITING);
    expect(speak(made, mail)).toEqual([CONTINUE]);
    expect(speak(made, body('one'))).toEqual([]);
    holder.release();
    expect(made.heard()).toEqual([CONTINUE]);
    expect(speak(made, body('two'))).toEqual([]);
    holder.release();
    expect(made.heard()).toEqual([CONTINUE]);
    expect(speak(made, eom)).toEqual([ACCEPT]);
  });

  it('is waited for as often as it holds, and each time once', () => {
    const { holder, made } = holding(WAITING);
    speak(made, mail, body('one'));
    const [turn] = holder.turns;
    const second = turn?.pause();
    holder.release();
    holder.release();
    expect([turn?.paused, made.heard()]).toEqual([true, []]);
    second?.();
    second?.();
    expect([turn?.paused, turn?.ended, made.heard()]).toEqual([false, true, [CONTINUE]]);
  });

  it('is waited for by those behind it, and by what it lets through itself', () => {
    const before = new Holder();
    const after = new Holder();
    const made = link(compose(before.filter, after.filter));
    speak(made, WAITING, mail, body('one'), body('two'));
    expect([before.seen, after.seen]).toEqual([
      ['mail', 'one'],
      ['mail', 'one'],
    ]);
    made.heard();
    before.release();
    expect([before.seen.length, made.heard()]).toEqual([2, []]);
    after.release();
    expect([before.seen.length, made.heard()]).toEqual([3, [CONTINUE]]);
  });

  it('may let go within the event', () => {
    const seen: string[] = [];
    const filter = observe(['body', 'eom'], (event) => {
      seen.push(event.stage);
      turnOf(event)?.pause()();
    });
    const made = link(filter);
    expect(speak(made, WAITING)).toHaveLength(1);
    expect(speak(made, mail, body('one'), body('two'), eom)).toEqual(Array(4).fill(CONTINUE));
    expect(seen).toEqual(['body', 'body', 'eom']);
  });

  it('does not end the turn that it holds when the event comes out of the pipeline', () => {
    const { holder, made } = holding(WAITING);
    speak(made, mail, body('one'));
    const [turn] = holder.turns;
    // It has come out long ago: a filter that only looks lets it pass at once.
    expect([turn?.ended, made.outcomes]).toEqual([false, []]);
  });

  it.each<[string, Command, string[]]>([
    ['an abort', { type: 'abort' }, ['mail', 'one', 'abort']],
    ['the end of the SMTP connection', { type: 'quit' }, ['mail', 'one', 'abort', 'close']],
    ['the end of one of several', { type: 'quitNc' }, ['mail', 'one', 'abort', 'close']],
  ])('is let go of by %s, which waits for nothing', (_name, command, seen) => {
    for (const offer of [SILENT, WAITING]) {
      const { holder, made } = holding(offer);
      speak(made, mail, body('one'), body('two'));
      expect(speak(made, command)).toEqual([]);
      expect([holder.seen, holder.turns[0]?.ended]).toEqual([seen, true]);
      holder.release();
      expect([holder.seen, made.heard()]).toEqual([seen, []]);
      if (command.type === 'quit') continue;
      speak(made, mail, body('new'));
      holder.release();
      expect(speak(made, eom).at(-1)).toEqual(ACCEPT);
      expect(holder.seen).toEqual([...seen, 'mail', 'new', 'eom']);
      expect(made.errors).toEqual([]);
    }
  });

  it('is let go of where the connection is lost', () => {
    const { holder, made } = holding();
    speak(made, mail, body('one'), body('two'));
    made.connection.eof();
    expect([holder.seen, holder.turns[0]?.ended]).toEqual([['mail', 'one', 'abort', 'close'], true]);
    holder.release();
    expect([holder.seen, made.heard(), made.completed, made.errors]).toEqual([
      ['mail', 'one', 'abort', 'close'],
      [],
      true,
      [],
    ]);
  });

  it('is let go of without a word where nobody listens to the pipeline any more', () => {
    const { holder, made } = holding(WAITING);
    speak(made, mail, body('one'));
    made.subscription.unsubscribe();
    expect(holder.turns[0]?.ended).toBe(true);
    holder.release();
    expect([holder.seen, made.heard(), made.io.state]).toEqual([['mail', 'one'], [], 'destroyed']);
  });

  it('has a server that is stopped wait for its message', () => {
    const { holder, made } = holding(WAITING);
    speak(made, mail, body('one'));
    made.connection.drain();
    holder.release();
    expect(made.heard()).toEqual([CONTINUE]);
    expect(speak(made, eom)).toEqual([ACCEPT]);
  });

  it('is given up, and reported, where the server is stopped and its deadline is over', () => {
    const { holder, made } = holding(WAITING);
    speak(made, mail, body('one'));
    made.connection.drain();
    made.connection.expire(30_000);
    expect([made.heard(), made.io.state, holder.turns[0]?.ended]).toEqual([[], 'ended', true]);
    expect(made.errors.map(({ message }) => message)).toEqual([
      expect.stringContaining('The event at stage body was not answered'),
    ]);
    holder.release();
    expect(made.heard()).toEqual([]);
  });

  it('has at most a few hundred kilobytes read of what comes meanwhile', () => {
    const { holder, made } = holding();
    speak(made, mail);
    const frame = commandCodec.encode(body(Buffer.alloc(65_535, 'x')));
    let sent = 0;
    while (!made.io.paused && sent < 100) {
      made.send(frame);
      sent++;
    }
    // The first is in the filter's hands. Of the others more than 256 KiB is enough.
    expect((sent - 2) * 65_535).toBeLessThanOrEqual(262_144);
    while (holder.turns.at(-1)?.ended === false) {
      holder.release();
    }
    expect([made.io.paused, holder.seen.length]).toEqual([false, 1 + sent]);
    expect(speak(made, eom)).toEqual([ACCEPT]);
  });

  it('has as much time for it as the end of a message has, and is told of', () => {
    vi.useFakeTimers();
    try {
      for (const [offer, answers] of [
        [SILENT, []],
        [WAITING, [CONTINUE]],
      ] as const) {
        const { holder, made } = holding(offer, { timeouts: { eom: 20_000 } });
        speak(made, mail, body('one'));
        vi.advanceTimersByTime(19_999);
        expect([made.heard(), made.errors, holder.turns[0]?.ended]).toEqual([[], [], false]);
        vi.advanceTimersByTime(1);
        expect([made.heard(), holder.turns[0]?.ended]).toEqual([answers, true]);
        expect(made.errors.map(({ message }) => message)).toEqual([
          expect.stringContaining('The event at stage body was not answered'),
        ]);
        holder.release();
        expect(speak(made, eom)).toEqual([ACCEPT]);
        expect([holder.seen, vi.getTimerCount()]).toEqual([['mail', 'one', 'eom'], 0]);
      }
    } finally {
      vi.useRealTimers();
    }
  });

  it('holds a last piece of the body that comes with the end, before that', () => {
    const { holder, made } = holding();
    expect(speak(made, mail, { type: 'eom', data: Buffer.from('last') })).toEqual([]);
    expect(holder.seen).toEqual(['mail', 'last']);
    holder.release();
    expect([holder.seen, made.heard()]).toEqual([['mail', 'last', 'eom'], [ACCEPT]]);
  });

  it('holds each part of a large frame, and has it answered once', () => {
    // 256 KiB frames, which some builds of Sendmail agree to.
    const { holder, made } = holding(
      { ...WAITING, version: 6, protocol: 0x1000007f },
      { maxDataSize: 262_143 },
    );
    const frame = commandCodec.encode(body(Buffer.alloc(200_000, 'x')));
    speak(made, mail);
    made.send(frame.subarray(0, 100_000));
    made.send(frame.subarray(100_000));
    const parts = holder.turns.length;
    for (let at = 0; at < holder.releases.length; at++) {
      expect(made.heard()).toEqual([]);
      holder.release(at);
    }
    expect(made.heard()).toEqual([CONTINUE]);
    expect(parts).toBe(1);
    expect(holder.turns.length).toBeGreaterThan(1);
    expect(speak(made, eom)).toEqual([ACCEPT]);
  });

  it('is out of the way of a pipeline that fails meanwhile', () => {
    const holder = new Holder();
    const made = link(holder.filter);
    speak(made, SILENT, mail, body('one'));
    made.connection.error(new Error('broken'));
    expect([made.heard(), made.io.state]).toEqual([[], 'ended']);
    holder.release();
    expect([made.heard(), holder.turns[0]?.ended]).toEqual([[], true]);
  });

  it('without a connection has nothing to hold', () => {
    const turn = new Turn({ failure: accept(), report: () => undefined }, 'body', 'silent', undefined, 0);
    const release = turn.pause();
    turn.end();
    release();
    expect(turn.paused).toBe(false);
  });
});
