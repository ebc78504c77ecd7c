import { setTimeout as pause } from 'node:timers/promises';
import type { OperatorFunction } from 'rxjs';

import { DEFAULT_OFFER } from '../../mta/client/agreement.js';
import { filterEnd } from '../../mta/client/filter-end.js';
import { commandsOf, openingOf } from '../../mta/simulate/mail-commands.js';
import type { Flow } from '../../session/flow.js';
import { commandCodec, type Command } from '../../transport/wire/commands.js';
import { describeEvent, describeValue } from '../describe-value.js';
import type { ResolvedContract } from './contract-options.js';
import { isSame, Watch } from './converse.js';
import type { Fault } from './rules.js';

/**
 * Finds a reply to an event whose message was aborted.
 *
 * It aborts a message at each of its stages while an event is pending; at connect and helo the connection is lost.
 */
export async function findLateReply(
  filter: OperatorFunction<Flow, Flow>,
  options: ResolvedContract,
): Promise<Fault | undefined> {
  const [mail] = options.mails;
  const all = [...openingOf(mail), ...commandsOf({ ...mail, body: 'hello\r\n' })];
  // The first command of each kind.
  const commands = all.filter(({ type }, at) => all.findIndex((one) => one.type === type) === at);
  for (const [last, target] of commands.entries()) {
    const found = await abortAt(filter, options, commands.slice(0, last), target);
    if (found !== 'nothing') return found === 'over' ? undefined : found;
  }
  return undefined;
}

/** Aborts at a command, after those before it; `over` where there is no stage after it. */
async function abortAt(
  filter: OperatorFunction<Flow, Flow>,
  { session, timeout, settle }: ResolvedContract,
  before: readonly Command[],
  target: Command,
): Promise<Fault | 'nothing' | 'over'> {
  const watch = new Watch(filter);
  const stream = filterEnd(watch.filter, { session, outcome: () => undefined });
  stream.resume().on('error', () => undefined);
  const say = (command: Command): boolean => stream.write(commandCodec.encode(command));
  try {
    say({ type: 'optneg', ...DEFAULT_OFFER, lists: [] });
    for (const command of before) {
      say(command);
      const end = performance.now() + timeout;
      while (isPending(watch) && performance.now() < end) await pause(1);
      if (isPending(watch) || hasEnded(watch)) return 'over';
    }
    say(target);
    if (!isPending(watch)) return hasEnded(watch) ? 'over' : 'nothing';
    const mark = watch.log.length;
    if (target.type === 'connect' || target.type === 'helo') stream.destroy();
    else say({ type: 'abort' });
    await pause(settle);
    return lateReply(watch, mark) ?? 'nothing';
  } finally {
    stream.destroy();
  }
}

function lateReply({ log }: Watch, mark: number): Fault | undefined {
  for (const { way, flow } of log.slice(mark)) {
    if (way === 'in' || flow.stage !== 'reply') continue;
    const { to } = flow;
    if (!log.slice(0, mark).some((before) => before.way === 'in' && isSame(before.flow, to))) continue;
    const lost = to.stage === 'connect' || to.stage === 'helo';
    const how = lost ? 'its connection was lost' : 'its message was aborted';
    return { where: describeEvent(to), what: `after ${how} came ${describeValue(flow)}.` };
  }
  return undefined;
}

/** Whether nothing has come of the newest event yet. */
function isPending(watch: Watch): boolean {
  return watch.newest !== undefined && watch.cameOf(watch.newest).length === 0;
}

/** Whether the filter has ended, or has decided on the message or the connection, so that no MTA would go on. */
function hasEnded({ end, log }: Watch): boolean {
  const newest = log.at(-1)?.flow;
  return end !== undefined || (newest?.stage === 'reply' && newest.decision.kind !== 'allow');
}
