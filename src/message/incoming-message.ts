import { createHash } from 'node:crypto';

import { readBody } from '../session/connection/new-body.js';
import type { Eom } from '../session/flow.js';
import type { Modification, ReplaceBody } from '../session/modifications.js';
import { turnOf } from '../session/turn.js';
import { BodyStore } from '../spool/body-store.js';
import { CollectedMessage } from './collected-message.js';
import type { Collection } from './collection.js';
import type { BodyMode } from './message-body.js';
import type { ResolvedMessageOptions } from './message-options.js';
import { sortModifications } from './message-origin.js';
import type { Message } from './message.js';
import { StoredBody } from './stored-body.js';
import { tellReader } from './tell-reader.js';

/** A message at its end. */
export interface IncomingMessage {
  /** Its end; with a body in it that can be read again where an earlier filter gave one that could be read only once. */
  readonly eom: Eom;
  /** Later where the new body of an earlier filter has to be read first. Rejects with what its source fails with. */
  readonly message: Message<BodyMode> | Promise<Message<BodyMode>>;
}

/** What is to be made of all that was collected, and of what earlier filters want to change. */
export function incomingMessage(
  eom: Eom,
  collection: Collection,
  options: ResolvedMessageOptions,
): IncomingMessage {
  const failed = (reason: unknown): void => {
    tellReader(eom, reason);
  };
  const last = sortModifications(eom.modifications).body.at(-1);
  const replaced = options.body === 'none' ? undefined : last;
  if (replaced === undefined) {
    const body = bodyOf(collection, options, failed);
    return { eom, message: messageOf(eom, collection, body) };
  }
  const known = BodyStore.of(replaced.body);
  const store = known ?? new BodyStore(options.store);
  const body = new StoredBody(store, true, failed);
  if (known !== undefined && options.body !== 'digest') {
    return { eom, message: messageOf(eom, collection, body) };
  }
  if (known === undefined) collection.keep(store);
  const again: ReplaceBody = { kind: 'replaceBody', body };
  const modifications = eom.modifications.map((one): Modification => (one === replaced ? again : one));
  const changed: Eom = { ...eom, modifications };
  const read = async (): Promise<Message<BodyMode>> => {
    const whole = known !== undefined || (await readBody(replaced.body, store, turnOf(eom)));
    if (!whole) throw new Error('The message is over.');
    return messageOf(changed, collection, options.body === 'digest' ? await digestOf(body, options) : body);
  };
  return { eom: changed, message: read() };
}

function messageOf(
  eom: Eom,
  collection: Collection,
  body: StoredBody | Message<'digest'>['body'] | undefined,
): Message<BodyMode> {
  const { session, modifications } = eom;
  const { fields, sender, recipients, truncated } = collection;
  return new CollectedMessage<BodyMode>({
    session,
    origin: { fields, sender, recipients },
    modifications,
    body,
    truncated,
    chunks: body instanceof StoredBody ? body : undefined,
    failed: (reason) => {
      tellReader(eom, reason);
    },
  });
}

function bodyOf(
  collection: Collection,
  { body }: ResolvedMessageOptions,
  failed: (reason: unknown) => void,
): StoredBody | Message<'digest'>['body'] | undefined {
  if (body === 'none') return undefined;
  if (collection.hash === undefined) return new StoredBody(collection.store, collection.complete, failed);
  return { size: collection.size, complete: collection.complete, digest: collection.hash.digest() };
}

async function digestOf(
  body: StoredBody,
  { algorithm }: ResolvedMessageOptions,
): Promise<Message<'digest'>['body']> {
  const hash = createHash(algorithm);
  for await (const chunk of body) hash.update(chunk);
  return { size: body.size, complete: true, digest: hash.digest() };
}
