import { type MessageOptions, resolveMessageOptions } from '../message/message-options.js';
import type { BodyMode, Message } from '../message/message.js';
import { shareWatch } from '../session/answer-watch.js';
import { tagsFor } from '../session/negotiation/tags.js';
import { BIT } from '../session/stage.js';
import { turnOf } from '../session/turn.js';
import type { AnswerInput, Legal } from './core/answers.js';
import type { MessageProject } from './core/collector.js';
import { type Filter, makeFilter, stepsOf } from './core/filter.js';
import { MessageRun, type MessageSlot } from './core/message-run.js';
import { LazyContext, type MessageContext } from './core/project-run.js';
import type { Step } from './core/step.js';
import { StreamRun } from './core/stream-run.js';
import { type Project, onFrom } from './on.js';

/** The mode that an option says: any of them, where to the compiler it is a mere string. */
type ModeOf<B extends string> = string extends B ? BodyMode : Extract<B, BodyMode>;

/**
 * Decides messages as a whole: `project` is called once for each, at its end, with all that is known of it.
 *
 * @remarks
 * It returns what `on('eom', …)` may return, or what `edit()` makes. The message is as earlier filters want it to be. A
 * message costs one round trip; what is not wanted (`body: 'none'`, or what is beyond `maxBytes`) is not sent at all.
 *
 * With `body: 'stream'` the project is called when the header is complete, sees the message as it came, and reads the
 * body as it arrives: the MTA waits at each piece. A refusal is given at once, all else at the end of the message.
 *
 * What throws, or cannot be kept (no space on the disk), is reported, and the message gets the failure decision. At an
 * abort the project is cancelled as that of `on()` is, and what was collected is released. A message beyond a limit gets
 * the decision of the option `beyond`, and the project is not called.
 *
 * @throws TypeError or RangeError for an unknown option, or a value that it cannot have
 * @example
 * onMessage({ body: 'none' }, (message) =>
 *   edit(message, (draft) => void draft.headers.set('X-Recipients', String(message.recipients.length))),
 * )
 */
export function onMessage<const R>(
  project: (message: Message, context: MessageContext) => Legal<'eom', R>,
): Filter;
export function onMessage<const B extends string = 'buffer', const R = AnswerInput<'eom'>>(
  options: MessageOptions<B>,
  project: (message: Message<ModeOf<NoInfer<B>>>, context: MessageContext) => Legal<'eom', R>,
): Filter;
export function onMessage(...given: readonly unknown[]): Filter {
  const site = new Error();
  const project = given.at(-1);
  if (typeof project !== 'function') {
    throw new TypeError('onMessage(): the last argument has to be a function.');
  }
  const options = resolveMessageOptions(
    given.length > 1 && given[0] !== undefined ? (given[0] as MessageOptions) : {},
  );
  const call = project as MessageProject<BodyMode>;
  const prefix = options.maxBytes !== Infinity;
  const body = options.body === 'none' ? 0 : BIT.body;
  const streamed = options.body === 'stream';
  const decides = BIT.eom | (prefix || streamed ? body : 0);
  const observes = BIT.mail | BIT.rcpt | BIT.header | body | (streamed ? BIT.eoh : 0);
  const slot: MessageSlot = { eom: undefined, message: undefined };
  const collect: Step = {
    tags: tagsFor(decides, observes),
    // Replies, too: what an earlier filter has decided may still belong to the message.
    interest: decides | observes | BIT.abort | BIT.close | BIT.reply,
    site,
    ...(streamed ? {} : { copiesBody: true }),
    open: (down) =>
      streamed ? new StreamRun({ project: call, options, site }, down) : new MessageRun(options, slot, down),
  };
  if (streamed) return makeFilter([collect]);
  return makeFilter([collect, ...stepsOf(onFrom(site, 'eom', [decider(call, slot)]))]);
}

/** Has the project decide the message that ends with the event. */
function decider(project: MessageProject<BodyMode>, slot: MessageSlot): Project<'eom'> {
  const decide: Project<'eom'> = (eom, context) => {
    const { message } = slot;
    if (message === undefined || slot.eom !== eom) return undefined;
    // A promise of a stream or of a generator is driven like them, which the type of answers does not say.
    const call = (whole: Message<BodyMode>): ReturnType<Project<'eom'>> => {
      if (context instanceof LazyContext) context.whole = { message: whole, draft: undefined };
      return project(whole, context as MessageContext);
    };
    return message instanceof Promise
      ? (message.then((whole) => (turnOf(eom)?.ended === true ? undefined : call(whole))) as ReturnType<
          Project<'eom'>
        >)
      : call(message);
  };
  shareWatch(decide, project);
  return decide;
}
