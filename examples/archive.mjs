// @ts-check
// npm install rxmilter rxjs
// ARCHIVE=/var/lib/mail-archive npx rxmilter serve --listen inet:8891@127.0.0.1 archive.mjs
import { randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, open, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { onMessage, tempfail } from 'rxmilter';

/**
 * A copy that is being made: what `stream` gets counts once `keep` has resolved, and `drop` leaves nothing of it, not
 * even after `keep`.
 *
 * @typedef {import('rxmilter').Message<'stream'>} Message
 * @typedef {{ stream: import('node:stream').Writable, keep(): Promise<void>, drop(): Promise<void> }} Copy
 */

/**
 * Copies each message while it arrives. It goes on its way only when the copy is complete and kept.
 *
 * The copy is the message as the client has sent it. Put this last in a pipeline: what a later filter refuses at the end
 * of the message has been copied already. What an earlier one lets pass with `accept()` is not shown to it.
 *
 * @param {(message: Message) => Copy | Promise<Copy>} begin
 * @param {(error: unknown) => void} [report]
 */
export function archive(begin, report = console.error) {
  return onMessage({ body: 'stream' }, async (message, { signal }) => {
    /** @type {Copy | undefined} */
    let copy;
    try {
      copy = await begin(message);
      // Piped, so that a slow disk makes the MTA wait instead of filling the memory.
      await pipeline(message.source(), copy.stream, { signal });
      if (!message.body.complete)
        throw new Error('Another filter has the MTA leave out the rest of the body');
      await copy.keep();
      signal.throwIfAborted(); // too late: nobody will get this message
      return undefined;
    } catch (error) {
      await copy?.drop().catch(report);
      // A client that has gone is no failure of the archive.
      if (!signal.aborted) report(error);
      return tempfail({ code: 451, enhanced: '4.3.0', text: 'Cannot archive this message, try again later' });
    }
  });
}

/**
 * Keeps each copy in a directory of its own, `2026-03-01/<time>-<queue id>`: the message, and its envelope beside it.
 * Until it is complete the name ends in `.incomplete`; what a crash has left behind keeps that name.
 *
 * @param {string} directory
 * @returns {(message: Message) => Promise<Copy>}
 */
export function inDirectory(directory) {
  return async ({ queueId, client, helo, auth, sender, recipients }) => {
    const now = new Date().toISOString().replaceAll(':', '');
    const day = join(directory, now.slice(0, 10));
    // The queue id comes from outside: it must not lead out of the directory, and may be missing.
    const id = queueId !== undefined && /^\w+$/.test(queueId) ? queueId : randomUUID();
    const complete = join(day, `${now.slice(11)}-${id}`);
    const incomplete = `${complete}.incomplete`;
    let made = incomplete;
    const drop = () => rm(made, { recursive: true, force: true });
    const keep = async () => {
      await onDisk(incomplete);
      await rename(incomplete, complete); // as one, and not in the place of another
      made = complete;
      await onDisk(day);
    };
    await mkdir(day, { recursive: true, mode: 0o700 });
    await mkdir(incomplete, { mode: 0o700 });
    try {
      const envelope = {
        client: client.address,
        helo,
        user: auth?.user,
        sender: sender.address,
        recipients: recipients.map(({ address }) => address),
      };
      await writeFile(join(incomplete, 'envelope.json'), JSON.stringify(envelope, null, 2), { flush: true });
      // `flush`: the MTA is told to take the message when the copy is on the disk, and not before.
      const stream = createWriteStream(join(incomplete, 'message.eml'), { flush: true });
      return { stream, keep, drop };
    } catch (error) {
      await drop();
      throw error;
    }
  };
}

/**
 * Waits until the names in a directory are on the disk, too.
 *
 * @param {string} directory
 */
async function onDisk(directory) {
  const handle = await open(directory);
  await handle.sync().finally(() => handle.close());
}

/** The filter for `rxmilter serve`, and how to serve it. */
export default () => archive(inDirectory(process.env.ARCHIVE ?? '/var/lib/mail-archive'));
// Without it a header without a blank after the colon would get one in the copy.
export const options = { leadingSpace: true };
