import type { Duplex } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import type { OperatorFunction } from 'rxjs';

import { DEFAULT_OFFER } from '../../mta/client/agreement.js';
import { filterEnd } from '../../mta/client/filter-end.js';
import { pathOf } from '../../mta/simulate/mail.js';
import type { Flow } from '../../session/flow.js';
import { commandCodec, type Command } from '../../transport/wire/commands.js';
import { describeEvent, describeValue } from '../describe-value.js';
import { connect } from '../events/connect.js';
import { ContractError } from './contract-error.js';
import type { ResolvedContract } from './contract-options.js';
import { eventOf, isSame, watch, type Entry, type Watched } from './watch.js';

const RULE =
  'what is still pending when its message is aborted or its connection lost is cancelled, and nothing is answered any more: hand context.signal on, or use takeUntil.';

/**
 * Aborts a message at each of its stages while the filter is still about it (at connect and helo, loses the connection),
 * and looks for replies that come all the same.
 *
 * @throws ContractError
 */
export async function checkAfterAbort(
  filter: OperatorFunction<Flow, Flow>,
  options: ResolvedContract,
): Promise<void> {
  const commands = commandsOf(options);
  for (let last = 0; last < commands.length; last++) {
    const goesOn = await tryAt(filter, options, commands.slice(0, last + 1));
    if (!goesOn) return;
  }
}

/** Whether there is a stage after this one. */
async function tryAt(
  filter: OperatorFunction<Flow, Flow>,
  options: ResolvedContract,
  commands: readonly Command[],
): Promise<boolean> {
  let wake: () => void = () => undefined;
  const watched = watch(filter, () => wake());
  const next = (): Promise<void> => new Promise((resolve) => (wake = resolve));
  const stream = filterEnd(watched.filter, { session: options.session, outcome: () => undefined });
  stream.resume().on('error', () => undefined);
  try {
    say(stream, { type: 'optneg', ...DEFAULT_OFFER, lists: [] });
    for (const command of commands.slice(0, -1)) {
      say(stream, command);
      await answered(watched, next, options.timeout);
      if (isPending(watched) || hasEnded(watched)) return false;
    }
    const target = commands.at(-1);
    if (target === undefined) return false;
    say(stream, target);
    if (!isPending(watched)) return !hasEnded(watched);
    const mark = watched.log.length;
    if (target.type === 'connect' || target.type === 'helo') stream.destroy();
    else say(stream, { type: 'abort' });
    await pause(options.settle);
    lookFor(watched.log, mark);
    return true;
  } finally {
    stream.destroy();
  }
}

/** Waits until something has come of the newest event, but not for longer than `timeout` milliseconds. */
async function answered(watched: Watched, next: () => Promise<void>, timeout: number): Promise<void> {
  const limit = new AbortController();
  const late = pause(timeout, undefined, { signal: limit.signal }).catch(() => undefined);
  const came = async (): Promise<void> => {
    while (isPending(watched) && !limit.signal.aborted) await next();
  };
  await Promise.race([came(), late]);
  limit.abort();
}

function lookFor(log: readonly Entry[], mark: number): void {
  const before = log.slice(0, mark).flatMap((entry) => (entry.way === 'in' ? [entry.flow] : []));
  for (const entry of log.slice(mark)) {
    if (entry.way !== 'out' || entry.flow.stage !== 'reply') continue;
    const { flow } = entry;
    if (!before.some((event) => isSame(event, flow.to))) continue;
    const how = ['connect', 'helo'].includes(flow.to.stage)
      ? 'its connection was lost'
      : 'its message was aborted';
    throw new ContractError(
      'after-abort',
      describeEvent(flow.to),
      `after ${how} came ${describeValue(flow)}.`,
      RULE,
    );
  }
}

function say(stream: Duplex, command: Command): void {
  stream.write(commandCodec.encode(command));
}

/** Whether the filter has not said anything yet to the newest event. */
function isPending({ log }: Watched): boolean {
  const newest = log.filter((entry) => entry.way === 'in').at(-1);
  if (newest === undefined) return false;
  return !log.some((entry) => entry.way === 'out' && isSame(eventOf(entry.flow), newest.flow));
}

/** Whether the filter has decided on the message or the connection, so that no MTA would go on. */
function hasEnded({ log }: Watched): boolean {
  const newest = log.at(-1);
  if (newest?.way === 'end') return true;
  return newest?.way === 'out' && newest.flow.stage === 'reply' && newest.flow.decision.kind !== 'proceed';
}

function commandsOf({ mails: [mail] }: ResolvedContract): Command[] {
  const { sender = '', recipients = [], headers = [], client, helo = 'client.example' } = mail ?? {};
  const { host, family, port, address } = connect(client?.address, client);
  const to = recipients.map(pathOf).slice(0, 1);
  return [
    { type: 'connect', host, family, port, address },
    { type: 'helo', text: helo },
    { type: 'mail', address: `<${pathOf(sender).address}>`, args: pathOf(sender).args },
    ...to.map((path): Command => ({ type: 'rcpt', address: `<${path.address}>`, args: path.args })),
    { type: 'data' },
    ...headers.slice(0, 1).map(([name]): Command => ({ type: 'header', name, value: 'value' })),
    { type: 'eoh' },
    { type: 'body', data: Buffer.from('hello\r\n') },
    { type: 'eom', data: Buffer.alloc(0) },
  ];
}
