import { EMPTY, Observable, Subject, concat, of, throwError, type OperatorFunction } from 'rxjs';
import { compose, on, perMessage, when, reject, type Flow } from 'rxmilter';
import { describe, expect, it, vi } from 'vitest';

import { openChain } from '../../src/operators/core/chain.js';
import { stepsOf } from '../../src/operators/core/filter.js';
import { decided, mail, rcpt } from '../support/events.js';
import { expectQuiet } from './support/quiet.js';

describe('a chain of steps, without RxJS around it', () => {
  expectQuiet();

  it('hands each flow to those that want it, and errors and completes at its end', () => {
    const down = { next: vi.fn(), error: vi.fn(), complete: vi.fn() };
    const steps = stepsOf(
      compose(
        on('mail', () => undefined),
        on('rcpt', () => reject()),
      ),
    );
    const chain = openChain(steps, down);
    chain.next(mail());
    chain.next(rcpt());
    expect(down.next.mock.calls).toEqual([[mail()], [decided(rcpt(), reject())]]);
    chain.complete();
    expect(down.complete).toHaveBeenCalledOnce();
    openChain(steps, down).error('broken');
    expect(down.error).toHaveBeenCalledWith('broken');
  });

  it.each<[string, 'error' | 'complete', OperatorFunction<Flow, Flow>]>([
    ['errors', 'error', () => throwError(() => new Error('broken'))],
    ['completes', 'complete', () => EMPTY],
  ])('lets go of all that runs in it when something in its middle %s', (_what, how, operator) => {
    const [before, after] = [vi.fn(), vi.fn()];
    const down = { next: vi.fn(), error: vi.fn(), complete: vi.fn() };
    const latest = (teardown: () => void): OperatorFunction<Flow, Flow> =>
      on('rcpt', new Observable<number>(() => teardown), () => undefined);
    let end: () => void = () => undefined;
    const later: OperatorFunction<Flow, Flow> = () =>
      new Observable((subscriber) => {
        end = () => subscriber.add(operator(EMPTY).subscribe(subscriber));
      });
    openChain(stepsOf(compose(latest(before), later, latest(after))), down);
    expect(before).not.toHaveBeenCalled();
    end();
    expect(down[how]).toHaveBeenCalledOnce();
    expect(before).toHaveBeenCalledOnce();
    expect(after).toHaveBeenCalledOnce();
  });

  it('opens no more of itself when something in its middle is through at once', () => {
    const [before, after] = [vi.fn(), vi.fn()];
    const down = { next: vi.fn(), error: vi.fn(), complete: vi.fn() };
    const latest = (subscribed: () => void, teardown: () => void): OperatorFunction<Flow, Flow> =>
      on(
        'rcpt',
        new Observable<number>(() => {
          subscribed();
          return teardown;
        }),
        () => undefined,
      );
    openChain(stepsOf(compose(latest(before, before), () => EMPTY, latest(vi.fn(), after))), down);
    expect(down.complete).toHaveBeenCalledOnce();
    expect(before).not.toHaveBeenCalled();
    expect(after).toHaveBeenCalledOnce();
  });

  it('emits nothing once it is closed', () => {
    const down = { next: vi.fn(), error: vi.fn(), complete: vi.fn() };
    const project = vi.fn(() => new Observable<never>());
    const chain = openChain(stepsOf(on('rcpt', project)), down);
    chain.next(rcpt());
    chain.close();
    chain.close();
    expect(project).toHaveBeenCalledOnce();
    expect(down.next).not.toHaveBeenCalled();
    expect(down.complete).not.toHaveBeenCalled();
  });

  it('lets nothing in or out once it is closed', () => {
    const down = { next: vi.fn(), error: vi.fn(), complete: vi.fn() };
    const project = vi.fn(() => undefined);
    const chain = openChain(stepsOf(on('rcpt', project)), down);
    chain.close();
    chain.next(rcpt());
    chain.next(mail());
    expect(project).not.toHaveBeenCalled();
    expect(down.next).not.toHaveBeenCalled();
  });

  it('ends once, and lets go of what was opened after its end', () => {
    const down = { next: vi.fn(), error: vi.fn(), complete: vi.fn() };
    const list = new Subject<number>();
    const latest = on('rcpt', list, () => undefined);
    const over: OperatorFunction<Flow, Flow> = () => EMPTY;
    openChain(stepsOf(when(() => true, over, compose(latest, over))), down);
    openChain(stepsOf(when(() => true, over, latest)), down);
    expect(down.complete).toHaveBeenCalledTimes(2);
    expect(list.observed).toBe(false);
  });

  it('lets go of a filter for one message that is opened when all is over', () => {
    const list = new Subject<number>();
    const filter = perMessage(() =>
      compose(
        on('rcpt', list, () => undefined),
        (source) => concat(of(mail()), source),
      ),
    );
    const down = { next: vi.fn(() => chain.close()), error: vi.fn(), complete: vi.fn() };
    const chain = openChain(stepsOf(filter), down);
    chain.next(rcpt());
    expect(down.next).toHaveBeenCalledOnce();
    expect(list.observed).toBe(false);
  });
});
