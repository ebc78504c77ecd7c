import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BehaviorSubject, EMPTY, NEVER, Subject, firstValueFrom, fromEvent, map, of, throwError } from 'rxjs';
import { on, reject, serve } from 'rxmilter';
import { reloaded, watchFile } from 'rxmilter/lookups';
import { deliver } from 'rxmilter/mta';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';

/** What a subscriber gets, as words. */
function heard<T>(source: ReturnType<typeof reloaded<T>>): string[] {
  const all: string[] = [];
  const subscription = source.subscribe({
    next: (value) => all.push(String(value)),
    error: (error: unknown) => all.push(`error: ${(error as Error).message}`),
    complete: () => all.push('complete'),
  });
  onTestFinished(() => subscription.unsubscribe());
  return all;
}

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const FAILED = 'reloaded(): loading failed: ';

describe('reloaded', () => {
  it('loads at the call, once for all that subscribe, and again at each trigger', async () => {
    const trigger = new Subject<void>();
    const load = vi.fn<() => Promise<number>>().mockResolvedValueOnce(1).mockResolvedValueOnce(2);
    const source = reloaded(load, { on: trigger });
    expect(load).toHaveBeenCalledTimes(1);
    const one = heard(source);
    await settle();
    const other = heard(source);
    expect([one, other]).toEqual([['1'], ['1']]);
    trigger.next();
    await settle();
    expect([one, other]).toEqual([
      ['1', '2'],
      ['1', '2'],
    ]);
    expect(load).toHaveBeenCalledTimes(2);
  });

  it.each([
    ['a value', () => 'v'],
    ['an array, which is a value too', () => ['v']],
    ['a promise', () => Promise.resolve('v')],
    ['the first value of an Observable', () => new BehaviorSubject('v')],
  ])('takes %s', async (_what, load) => {
    const source = reloaded<unknown>(load);
    expect(String(await firstValueFrom(source))).toBe('v');
  });

  it('runs one load at a time, and one more for all triggers that came meanwhile', async () => {
    const trigger = new Subject<void>();
    const loads: ((value: string) => void)[] = [];
    const all = heard(reloaded(() => new Promise<string>((resolve) => loads.push(resolve)), { on: trigger }));
    trigger.next();
    trigger.next();
    expect(loads).toHaveLength(1);
    loads[0]?.('old');
    await settle();
    expect(loads).toHaveLength(2);
    loads[1]?.('new');
    await settle();
    expect(loads).toHaveLength(2);
    expect(all).toEqual(['old', 'new']);
  });

  it('does not emit the same value again', async () => {
    const trigger = new Subject<void>();
    const all = heard(reloaded(() => 'same', { on: trigger }));
    trigger.next();
    await settle();
    expect(all).toEqual(['same']);
  });

  it('keeps the last good value where a load fails, and reports the error', () => {
    const trigger = new Subject<void>();
    const errors: string[] = [];
    const results = [of('good'), throwError(() => new Error('broken')), EMPTY, of('better')];
    const source = reloaded(() => results.shift() ?? NEVER, {
      on: trigger,
      onError: ({ message }) => errors.push(message),
    });
    const all = heard(source);
    trigger.next();
    trigger.next();
    expect(all).toEqual(['good']);
    expect(heard(source)).toEqual(['good']);
    expect(errors).toEqual([`${FAILED}broken`, `${FAILED}its Observable completed without a value`]);
    trigger.next();
    expect(all).toEqual(['good', 'better']);
  });

  it('gives the error of the first load to those who wait for it, and its value to those who come later', () => {
    const trigger = new Subject<void>();
    const errors: string[] = [];
    let broken = true;
    const load = (): string => {
      if (broken) throw new Error('no such file');
      return 'there';
    };
    const source = reloaded(load, { on: trigger, onError: ({ message }) => errors.push(message) });
    // There was no subscriber that could get it.
    expect(errors).toEqual([`${FAILED}no such file`]);
    expect(heard(source)).toEqual([`error: ${FAILED}no such file`]);
    broken = false;
    trigger.next();
    expect(heard(source)).toEqual(['there']);
    expect(errors).toHaveLength(1);
  });

  it('warns of an error where there is no onError, and where that fails', () => {
    const warning = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    onTestFinished(() => warning.mockRestore());
    const fail = (): never => {
      throw new Error('broken');
    };
    reloaded(fail);
    reloaded(fail, {
      onError: () => {
        throw new Error('onError is broken, too');
      },
    });
    expect(warning.mock.calls.map(([error]) => (error as Error).message)).toEqual([
      `${FAILED}broken`,
      'onError is broken, too',
    ]);
  });

  it('reports the error of its trigger, and goes on by the clock', () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const errors: string[] = [];
    let count = 0;
    const all = heard(
      reloaded(() => ++count, {
        on: throwError(() => new Error('no trigger')),
        every: 60_000,
        onError: ({ message }) => errors.push(message),
      }),
    );
    vi.advanceTimersByTime(59_999);
    expect([all, errors]).toEqual([['1'], ['no trigger']]);
    vi.advanceTimersByTime(60_001);
    expect(all).toEqual(['1', '2', '3']);
  });

  it('ends with its signal', async () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const trigger = new Subject<void>();
    const stop = new AbortController();
    const loads: ((value: string) => void)[] = [];
    const load = (): Promise<string> => new Promise((resolve) => loads.push(resolve));
    const all = heard(reloaded(load, { on: trigger, every: 10, signal: stop.signal }));
    stop.abort();
    expect(all).toEqual(['complete']);
    expect(trigger.observed).toBe(false);
    expect(vi.getTimerCount()).toBe(0);
    loads[0]?.('late');
    await Promise.resolve();
    expect(all).toEqual(['complete']);
    const source = reloaded(load, { signal: stop.signal });
    expect(heard(source)).toEqual(['complete']);
    expect(loads).toHaveLength(1);
  });

  it('hears SIGHUP before the first connection', async () => {
    let word = 'first';
    const rules = reloaded(() => word, { on: fromEvent(process, 'SIGHUP') });
    onTestFinished(() => void process.removeAllListeners('SIGHUP'));
    const server = await serve(
      on('mail', rules, (_mail, text) => reject(text)),
      { listen: 'inet:0@127.0.0.1' },
    );
    onTestFinished(() => server.destroy());
    word = 'second';
    process.emit('SIGHUP');
    const delivery = await deliver(
      { sender: 'a@b.test', recipients: ['c@d.test'], headers: [], body: '' },
      { to: server.address },
    );
    expect(delivery.reply.lines).toEqual(['second']);
  });

  it.each([
    [[undefined], 'reloaded(): the first argument is missing. It has to be a function.'],
    [['rules.txt'], "reloaded(): the first argument is 'rules.txt'; it has to be a function."],
    [
      [() => 1, { on: 'SIGHUP' }],
      "reloaded(): on is 'SIGHUP'; it has to be an Observable, such as watchFile(path).",
    ],
    [[() => 1, { every: 0 }], 'reloaded(): every is 0; it has to be'],
    [[() => 1, { evry: 5 }], 'reloaded(): there is no option evry.'],
    [[() => 1, { signal: 1 }], 'reloaded(): signal is 1; it has to be an AbortSignal.'],
  ])('refuses %j', (args, message) => {
    expect(() => (reloaded as (...all: unknown[]) => unknown)(...args)).toThrow(message);
  });
});

describe('watchFile', () => {
  let directory = '';
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'rxmilter-watch-'));
  });
  afterEach(() => {
    rmSync(directory, { recursive: true });
  });

  it('makes a source load again when its file is written, replaced, or was removed; a broken one changes nothing', async () => {
    const path = join(directory, 'rules.json');
    writeFileSync(path, '"one"');
    const errors: string[] = [];
    const stop = new AbortController();
    onTestFinished(() => stop.abort());
    const load = (): Promise<string> => readFile(path, 'utf8').then((text) => JSON.parse(text) as string);
    const all = heard(
      reloaded(load, {
        on: watchFile(path, { interval: 5 }),
        signal: stop.signal,
        onError: ({ message }) => errors.push(message),
      }),
    );
    const has = (...values: string[]): Promise<void> => vi.waitFor(() => expect(all).toEqual(values), 5_000);
    await has('one');
    writeFileSync(path, '"three"');
    await has('one', 'three');
    writeFileSync(path, '{ "bro');
    await vi.waitFor(() => expect(errors).toHaveLength(1), 5_000);
    writeFileSync(`${path}.new`, '"replaced"');
    renameSync(`${path}.new`, path);
    await has('one', 'three', 'replaced');
    rmSync(path);
    await vi.waitFor(() => expect(errors).toHaveLength(2), 5_000);
    expect(errors[1]).toMatch(/ENOENT/);
    writeFileSync(path, '"again"');
    await has('one', 'three', 'replaced', 'again');
  });

  it('emits nothing for a file that is not there, or stays as it is, and ends when it is unsubscribed', async () => {
    const [there, missing] = [join(directory, 'there'), join(directory, 'missing')];
    writeFileSync(there, '');
    const all: string[] = [];
    const subscriptions = [there, missing].map((path) =>
      watchFile(path, { interval: 5 })
        .pipe(map(() => path))
        .subscribe((each) => all.push(each)),
    );
    await new Promise((resolve) => setTimeout(resolve, 60));
    for (const each of subscriptions) each.unsubscribe();
    writeFileSync(there, 'changed');
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(all).toEqual([]);
  });

  it.each([
    [[undefined], 'watchFile(): the first argument is missing. It has to be a path or a file URL.'],
    [[''], "watchFile(): the first argument is ''; it has to be a path or a file URL."],
    [['a', { interval: 0 }], 'watchFile(): interval is 0; it has to be'],
  ])('refuses %j', (args, message) => {
    expect(() => (watchFile as (...all: unknown[]) => unknown)(...args)).toThrow(message);
  });
});
