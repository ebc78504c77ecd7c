import { setTimeout as pause } from 'node:timers/promises';
import { lastValueFrom, map, startWith, takeUntil, takeWhile, timer, type OperatorFunction } from 'rxjs';

import { DEFAULT_OFFER } from '../../mta/client/agreement.js';
import { filterEnd } from '../../mta/client/filter-end.js';
import type { Flow } from '../../session/flow.js';
import { commandCodec, type Command } from '../../transport/wire/commands.js';
import { commandsOf, openingOf } from '../commands.js';
import { describeEvent, describeValue } from '../describe-value.js';
import { ContractError } from './contract-error.js';
import type { ResolvedContract } from './contract-options.js';
import { isSame, Watch } from './converse.js';

/**
 * Finds replies to events whose message was aborted.
 *
 * It aborts a message at each of its stages while an event is pending; at connect and helo the connection is lost.
 *
 * @throws ContractError
 */
export async function checkAfterAbort(
  filter: OperatorFunction<Flow, Flow>,
  options: ResolvedContract,
): Promise<void> {
  const commands = stagesOf(options);
  for (let last = 0; last < commands.length; last++) {
    const goesOn = await tryAt(filter, options, commands.slice(0, last + 1));
    if (!goesOn) return;
  }
}

/** Aborts at the last of these commands; returns whether there is a stage after it. */
async function tryAt(
  filter: OperatorFunction<Flow, Flow>,
  options: ResolvedContract,
  commands: readonly Command[],
): Promise<boolean> {
  const watch = new Watch(filter);
  const stream = filterEnd(watch.filter, { session: options.session, outcome: () => undefined });
  stream.resume().on('error', () => undefined);
  const say = (command: Command): boolean => stream.write(commandCodec.encode(command));
  try {
    say({ type: 'optneg', ...DEFAULT_OFFER, lists: [] });
    for (const command of commands.slice(0, -1)) {
      say(command);
      await answered(watch, options.timeout);
      if (isPending(watch) || hasEnded(watch)) return false;
    }
    const target = commands.at(-1);
    if (target === undefined) return false;
    say(target);
    if (!isPending(watch)) return !hasEnded(watch);
    const mark = watch.log.length;
    if (target.type === 'connect' || target.type === 'helo') stream.destroy();
    else say({ type: 'abort' });
    await pause(options.settle);
    checkSilence(watch, mark);
    return true;
  } finally {
    stream.destroy();
  }
}

/** Waits until something has come of the newest event, but not for longer than `timeout` milliseconds. */
async function answered(watch: Watch, timeout: number): Promise<void> {
  const pending = watch.changes.pipe(
    startWith(undefined),
    map(() => isPending(watch)),
    takeWhile((isWaiting) => isWaiting),
    takeUntil(timer(timeout)),
  );
  await lastValueFrom(pending, { defaultValue: undefined });
}

function checkSilence({ log }: Watch, mark: number): void {
  for (const { way, flow } of log.slice(mark)) {
    if (way === 'in' || flow.stage !== 'reply') continue;
    const { to } = flow;
    if (!log.slice(0, mark).some((before) => before.way === 'in' && isSame(before.flow, to))) continue;
    const lost = to.stage === 'connect' || to.stage === 'helo';
    const how = lost ? 'its connection was lost' : 'its message was aborted';
    throw new ContractError('after-abort', describeEvent(to), `after ${how} came ${describeValue(flow)}.`);
  }
}

/** Whether nothing has come of the newest event yet. */
function isPending(watch: Watch): boolean {
  return watch.newest !== undefined && watch.cameOf(watch.newest).length === 0;
}

/** Whether the filter has ended, or has decided on the message or the connection, so that no MTA would go on. */
function hasEnded({ end, log }: Watch): boolean {
  const newest = log.at(-1)?.flow;
  return end !== undefined || (newest?.stage === 'reply' && newest.decision.kind !== 'proceed');
}

/** The first command of each kind, for the first mail. */
function stagesOf({ mails: [mail = { sender: '', recipients: [] }] }: ResolvedContract): Command[] {
  const all = [...openingOf(mail), ...commandsOf({ ...mail, body: 'hello\r\n' })];
  return all.filter(({ type }, at) => all.findIndex((one) => one.type === type) === at);
}
