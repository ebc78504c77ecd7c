/**
 * The floor of work (m): the bare server, but it writes each body to a file, as the pieces lie in the read buffers, with
 * one write under way and the next gathered meanwhile. The end of the message is answered when all of it is written.
 */
import { randomUUID } from 'node:crypto';
import { close, openSync, unlinkSync, writev } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { serveFrames } from './frames.mjs';
import { announce, request } from './process.mjs';

const MOST_GATHERED = 1_048_576;

/** The file of one message; without a name as soon as it is open, so that it is gone when it is closed. */
function openFile() {
  const path = join(tmpdir(), `rxmilter-bench-${randomUUID()}`);
  const file = openSync(path, 'wx+', 0o600);
  unlinkSync(path);
  return file;
}

/** @param {import('node:net').Socket} socket */
function spool(socket) {
  /** @type {Buffer[]} */ let gathered = [];
  let size = 0;
  /** @type {number | undefined} */ let file;
  let writing = false;
  /** @type {((answer?: Buffer) => void) | undefined} */ let finished;

  function write() {
    const pieces = gathered;
    const due = size;
    gathered = [];
    size = 0;
    writing = true;
    writev((file ??= openFile()), pieces, (error, written) => {
      writing = false;
      if (error || written !== due) return socket.destroy(error ?? new Error('the disk is full'));
      if (socket.isPaused()) socket.resume();
      if (size > 0) write();
      else end();
    });
  }

  function end() {
    if (writing || finished === undefined) return;
    // Freeing a large file takes a while; an error here is of no consequence.
    if (file !== undefined) close(file, () => undefined);
    file = undefined;
    finished();
    finished = undefined;
  }

  return {
    /** @param {Buffer} piece */
    body(piece) {
      gathered.push(piece);
      size += piece.length;
      if (!writing) write();
      else if (size > MOST_GATHERED) socket.pause();
    },
    /** @param {(answer?: Buffer) => void} reply */
    eom(reply) {
      finished = reply;
      end();
    },
  };
}

await serveFrames(request, spool);
announce();
