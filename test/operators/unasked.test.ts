import type { OperatorFunction } from 'rxjs';
import { accept, allow, compose, deadline, type Flow, observe, on, onMessage, reject, when } from 'rxmilter';
import { describe, expect, it, onTestFinished, vi } from 'vitest';

import { give } from './support/mails.js';

const late = (): OperatorFunction<Flow, Flow> => on('rcpt', () => undefined);

/** The warnings of a pipeline that has seen two messages. */
async function warningsOf(filter: OperatorFunction<Flow, Flow>): Promise<string[]> {
  const spy = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
  onTestFinished(() => spy.mockRestore());
  await give(filter);
  await give(filter);
  return spy.mock.calls.map(([text]) => String(text));
}

describe('an accept() before other filters', () => {
  it.each<[string, OperatorFunction<Flow, Flow>]>([
    [
      'mail',
      compose(
        on('mail', () => accept()),
        late(),
      ),
    ],
    [
      'connect',
      compose(
        on('connect', () => accept()),
        late(),
      ),
    ],
    [
      'rcpt',
      compose(
        on('rcpt', () => accept()),
        late(),
      ),
    ],
    [
      'mail',
      compose(
        on('mail', () => Promise.resolve(accept())),
        observe('rcpt', () => undefined),
        onMessage(() => undefined),
      ),
    ],
    [
      'eom',
      compose(
        onMessage(() => accept()),
        on('eom', () => undefined),
      ),
    ],
    [
      'eom',
      compose(
        onMessage({ body: 'stream' }, () => accept()),
        on('eom', () => undefined),
      ),
    ],
    [
      'mail',
      compose(
        deadline(
          1_000,
          on('mail', () => accept()),
          'pass',
        ),
        late(),
      ),
    ],
  ])('is told once, with the line of the filter: at %s', async (stage, filter) => {
    expect(await warningsOf(filter)).toEqual([
      expect.stringMatching(
        new RegExp(`^accept\\(\\) at ${stage} \\(unasked\\.test\\.ts:\\d+:\\d+\\) is the last word on the `),
      ),
    ]);
  });

  it('is told where a branch has accepted', async () => {
    const branches = when(
      () => true,
      on('mail', () => accept()),
      late(),
    );
    expect(await warningsOf(compose(branches, late()))).toHaveLength(1);
  });

  it.each<[string, OperatorFunction<Flow, Flow>]>([
    [
      'no later filter',
      compose(
        late(),
        on('rcpt', () => accept()),
      ),
    ],
    [
      'only later ones that look on',
      compose(
        on('mail', () => accept()),
        observe('rcpt', () => undefined),
      ),
    ],
    [
      'only later ones at earlier stages',
      compose(
        on('rcpt', () => accept()),
        on(['connect', 'mail'], () => undefined),
      ),
    ],
    [
      'an allow()',
      compose(
        on('mail', () => allow()),
        late(),
      ),
    ],
    [
      'a refusal',
      compose(
        on('mail', () => reject()),
        late(),
      ),
    ],
    [
      'two branches',
      when(
        () => false,
        late(),
        on('mail', () => accept()),
      ),
    ],
  ])('is not told with %s', async (_name, filter) => {
    expect(await warningsOf(filter)).toEqual([]);
  });

  it('is not told of a failure decision', async () => {
    const spy = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    onTestFinished(() => spy.mockRestore());
    const broken = on('mail', () => {
      throw new Error('broken');
    });
    await give(compose(broken, late()), {}, { session: { failure: accept() } });
    expect(spy).not.toHaveBeenCalled();
  });
});
