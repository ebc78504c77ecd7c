import { isPromise } from '../common/promises.js';
import { noteMade } from '../session/answer-watch.js';
import {
  type BodySource,
  type Edit,
  type Modification,
  changeSender,
  replaceBody,
} from '../session/modifications.js';
import { StoredBody } from './body/stored-body.js';
import { changesOf, CollectedMessage, type MessageOrigin } from './collected-message.js';
import type { Draft } from './draft.js';
import { headerChanges } from './header-changes.js';
import { MessageDraft } from './message-draft.js';
import type { BodyMode, Message } from './message.js';
import { recipientChanges } from './recipient-changes.js';

/**
 * Changes a message: `change` makes of a draft what the message is to be, and the result is an answer with the fewest
 * modifications that make it so, counted as each MTA counts.
 *
 * The draft begins as `message` shows it, with what earlier filters want to change. The edit contains their wishes and
 * stands for them; parts of the draft that are left alone keep them as they are. Other modifications, and a decision,
 * may stand beside it in an array; two edits of one message may not. What `change` throws, or rejects with, costs the
 * message the failure decision, as anything that a project throws.
 *
 * @param message what `onMessage()` gives to its project
 * @throws AnswerError where the draft is given what cannot stand in a message, with the stack of the line that gave it
 * @throws TypeError where `message` is none, or `change` no function, or one that returns what would have to be read
 * @example
 * onMessage({ body: 'none' }, (message) =>
 *   edit(message, (draft) => {
 *     draft.headers.set('Subject', `[external] ${headerText(message.headers.get('Subject') ?? '')}`);
 *     draft.headers.prepend('X-Filtered', 'yes');
 *     if (draft.recipients.delete('info@example.org') > 0) draft.recipients.add('helpdesk@example.org');
 *   }),
 * )
 */
export function edit<B extends BodyMode>(
  message: Message<B>,
  change: (draft: Draft) => PromiseLike<void>,
): Promise<Edit>;
export function edit<B extends BodyMode>(message: Message<B>, change: (draft: Draft) => void): Edit;
export function edit(message: Message<BodyMode>, change: (draft: Draft) => unknown): Edit | Promise<Edit> {
  const origin = CollectedMessage.originOf(message);
  if (origin === undefined) {
    throw new TypeError(
      'edit(): the first argument is not a message. Give it what onMessage() gives to its project.',
    );
  }
  if (typeof change !== 'function') throw new TypeError('edit(): the second argument has to be a function.');
  noteMade('edit', edit);
  const draft = new MessageDraft(message);
  const result = change(draft);
  if (isUnread(result)) {
    throw new TypeError(
      'edit(): the second argument returned an Observable or a generator, which nobody would read. ' +
        'Let it be an async function, or return a promise: lastValueFrom(…).',
    );
  }
  return isPromise(result)
    ? Promise.resolve(result).then(() => editOf(message, origin, draft))
    : editOf(message, origin, draft);
}

function editOf(message: Message<BodyMode>, origin: MessageOrigin, draft: MessageDraft): Edit {
  const replaces = message.modifications;
  const { headers, recipients } = draft;
  const modifications: Modification[] = [
    ...(headers.touched
      ? headerChanges(origin.fields, headers.fields(), message.session.leadingSpace)
      : changesOf('headers', replaces)),
    ...(recipients.touched
      ? recipientChanges(origin.recipients, [...recipients])
      : changesOf('recipients', replaces)),
    ...(draft.resent ? senderChange(origin, draft) : changesOf('sender', replaces)),
    ...bodyChange(message, draft, changesOf('body', replaces)),
    ...changesOf('other', replaces),
  ];
  return { kind: 'edit', modifications, replaces };
}

function senderChange({ sender }: MessageOrigin, draft: MessageDraft): Modification[] {
  const { address, args } = draft.sender;
  const same =
    address === sender.address &&
    args.length === sender.args.length &&
    args.every((arg, index) => arg === sender.args[index]);
  return same ? [] : [changeSender(address, args)];
}

function bodyChange(
  message: Message<BodyMode>,
  { body }: MessageDraft,
  before: readonly Modification[],
): readonly Modification[] {
  if (body === undefined || body === message.body) return before;
  return before.length === 0 && isSame(message.body, body) ? [] : [replaceBody(body)];
}

function isSame(old: unknown, body: BodySource): boolean {
  if (!(old instanceof StoredBody)) return false;
  if (typeof body === 'string') return old.is(Buffer.from(body));
  return body instanceof Uint8Array && old.is(body);
}

/** Whether nothing of it has run, or will: `() => void` lets functions return what they like. */
function isUnread(result: unknown): boolean {
  return (
    typeof result === 'object' &&
    result !== null &&
    ('subscribe' in result ||
      Symbol.asyncIterator in result ||
      (Symbol.iterator in result && 'next' in result))
  );
}
