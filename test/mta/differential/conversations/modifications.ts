import type { Instruction } from '../support/instructions.js';
import { session, type Conversation } from './conversation.js';

/** A message that is changed at its end, and another one. */
function changing(
  name: string,
  letters: string,
  ...changes: readonly (readonly [string, ...string[]])[]
): Conversation {
  const told = changes.map(([verb, ...args]): Instruction => ['eom', verb, ...args]);
  return {
    name,
    letters: `c c c c c c c c c c c c ${letters} c c c c c c c c c c hc`,
    steps: session(...told),
  };
}

/** Each modification, and several together. The message has From, Subject twice, and X-Note. */
export const modifications: readonly Conversation[] = [
  changing('adds a header', 'hc', ['add', 'X-Added', 'yes']),
  changing('adds a header without a value', 'hc', ['add', 'X-Added', '']),
  changing('adds a folded header', 'hc', ['add', 'X-Added', 'one\n\ttwo\n three']),
  changing('adds a header in UTF-8', 'hc', ['add', 'X-Added', 'grün']),
  changing('adds a header of 60000 bytes', 'hc', ['add', 'X-Added', 'x'.repeat(60_000)]),
  changing('adds two headers of one name', 'hhc', ['add', 'X-Added', '2'], ['add', 'X-Added', '1']),
  changing('inserts a header above everything', 'ic', ['insert', '0', 'X-Top', 'yes']),
  changing(
    'inserts two headers above everything',
    'iic',
    ['insert', '0', 'X-B', 'b'],
    ['insert', '0', 'X-A', 'a'],
  ),
  changing('inserts a header before the third', 'ic', ['insert', '3', 'X-Third', 'yes']),
  changing('inserts a header below everything', 'ic', ['insert', '2147483646', 'X-Last', 'yes']),
  changing('changes a header', 'mc', ['change', '1', 'Subject', 'New']),
  changing('changes the second of a name', 'mc', ['change', '2', 'SUBJECT', 'New']),
  changing('changes both of a name', 'mmc', ['change', '2', 'Subject', 'b'], ['change', '1', 'Subject', 'a']),
  changing('deletes a header', 'mc', ['delete', '1', 'X-Note']),
  changing(
    'deletes both of a name, the last first',
    'mmc',
    ['delete', '2', 'Subject'],
    ['delete', '1', 'Subject'],
  ),
  changing('deletes the third of a name, which is not there', 'mc', ['delete', '3', 'Subject']),
  changing(
    'changes one of a name and deletes the other',
    'mmc',
    ['change', '1', 'Subject', 'New'],
    ['delete', '2', 'Subject'],
  ),
  changing('replaces the body', 'bc', ['body', 'New body\r\n']),
  changing('replaces the body by nothing', 'bc', ['fill', '0', 'x']),
  changing('replaces the body by 65535 bytes', 'bc', ['fill', '65535', 'x']),
  changing('replaces the body by 65536 bytes', 'bbc', ['fill', '65536', 'x']),
  changing('replaces the body by 200000 bytes', 'bbbbc', ['fill', '200000', 'x']),
  changing('adds a recipient', '+c', ['addrcpt', '<new@example.org>']),
  changing('adds a recipient with arguments', '2c', ['addrcpt', '<new@example.org>', 'NOTIFY=NEVER']),
  changing('adds a recipient with two arguments', '2c', [
    'addrcpt',
    '<new@example.org>',
    'NOTIFY=NEVER',
    'ORCPT=rfc822;a@b',
  ]),
  changing('changes the sender with two arguments', 'ec', [
    'from',
    '<new@example.com>',
    'RET=HDRS',
    'ENVID=abc',
  ]),
  changing('deletes a recipient', '-c', ['delrcpt', '<rcpt@example.org>']),
  changing(
    'exchanges a recipient',
    '-+c',
    ['delrcpt', '<rcpt@example.org>'],
    ['addrcpt', '<new@example.org>'],
  ),
  changing('changes the sender', 'ec', ['from', '<new@example.com>']),
  changing('changes the sender to none', 'ec', ['from', '<>']),
  changing('changes the sender with arguments', 'ec', ['from', '<new@example.com>', 'RET=HDRS']),
  changing('holds the message', 'qc', ['quarantine', 'Not before noon']),
  changing('changes the message and accepts it', 'ha', ['add', 'X-Added', 'yes'], ['accept']),
  changing(
    'changes everything',
    '+-behmmqc',
    ['change', '1', 'Subject', 'New'],
    ['quarantine', 'all of it'],
    ['delete', '1', 'X-Note'],
    ['body', 'New body\r\n'],
    ['add', 'X-Added', 'yes'],
    ['from', '<new@example.com>'],
    ['addrcpt', '<new@example.org>'],
    ['delrcpt', '<rcpt@example.org>'],
  ),
];
