import { frame } from '../support/frames.js';
import { say, unawaited } from '../support/steps.js';
import { type Conversation } from './conversation.js';

/** A frame that cannot be read, at its place; then nobody is there any more. */
function broken(name: string, letters: string, bytes: Buffer): Conversation {
  const all = [say.connect(), say.helo(), say.mail(), say.rcpt(), say.data(), say.eoh()];
  const before = all.slice(0, letters.split(' ').length - 1);
  return { name, letters, steps: [...before, unawaited({ bytes }), say.probe()] };
}

/** What is no milter protocol to both. The last letter is that of `closed`. */
export const malformed: readonly Conversation[] = [
  broken('gets CONNECT without a family', 'c', frame('C', 'localhost\0')),
  broken('gets CONNECT without an address', 'c', frame('C', 'localhost\x004\0\x19')),
  broken('gets CONNECT with an unknown family', 'c', frame('C', 'localhost\x009\0\x19x\0')),
  broken('gets CONNECT with bytes that do not end', 'c', frame('C', 'localhost\x004\0\x19127.0.0.1\0x')),
  broken('gets HELO without data', 'c c', frame('H')),
  broken('gets a length of 2^32 - 1', 'c c c', Buffer.from('ffffffff4d', 'hex')),
  broken('gets MAIL without a NUL', 'c c c', frame('M', '<a@b>')),
  broken('gets MAIL without an address', 'c c c', frame('M')),
  broken('gets macros for nothing', 'c c c', frame('D')),
  broken('gets a command that does not exist', 'c c c', frame('Z')),
  broken('gets RCPT without a NUL', 'c c c c', frame('R', '<a@b>')),
  broken('gets a header without a value', 'c c c c c c', frame('L', 'Subject\0')),
  broken('gets a header with bytes that do not end', 'c c c c c c', frame('L', 'A\0b\0c')),
  broken('gets a header without a name', 'c c c c c c', frame('L', '\0x\0')),
  broken('gets a piece of 65536 bytes', 'c c c c c c c', frame('B', Buffer.alloc(65_536))),
];
