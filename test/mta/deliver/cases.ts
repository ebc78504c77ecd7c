import {
  addHeader,
  addRecipient,
  changeHeader,
  changeSender,
  compose,
  deleteHeader,
  deleteRecipient,
  insertHeader,
  on,
  replaceBody,
  type Filter,
  type Modification,
} from 'rxmilter';
import type { MtaKind } from 'rxmilter/mta';

/** A message as a client sends it: the envelope with brackets and arguments, and every byte of the rest. */
export interface Case {
  readonly name: string;
  readonly filter: () => Filter;
  /** Whether the filter sees and writes the blanks after colons. */
  readonly leadingSpace?: boolean;
  readonly message?: string | Uint8Array;
  readonly sender?: string;
  readonly recipients?: readonly string[];
  /** The MTA that it says nothing about, since that does something of its own there that is not played. */
  readonly not?: MtaKind;
}

const HEADER = [
  'Date: Mon, 01 Jan 2024 00:00:00 +0000',
  'From: alice@src.example',
  'To: bob@dst.example',
  'Message-Id: <own@src.example>',
  'Subject: the subject',
  'X-Many: one',
  'X-Many: two',
  'X-Many: three',
];
const BODY = 'First line.\r\n.a dot\r\n..two\r\n.\r\n\r\nLast line.\r\n';

/** The header that is sent where a case has none of its own. */
export const MESSAGE = `${HEADER.join('\r\n')}\r\n\r\n${BODY}`;

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');
const nothing = (): Filter => on('eom', () => undefined);

function changes(name: string, ...modifications: readonly Modification[]): Case {
  return { name, filter: () => on('eom', () => modifications) };
}

function message(name: string, text: string | Uint8Array, ...modifications: readonly Modification[]): Case {
  return { ...changes(name, ...modifications), message: text };
}

/** Modifications of a message that comes as ever. */
export const CHANGES: readonly Case[] = [
  changes(
    'add headers of several names',
    addHeader('X-A', '1'),
    addHeader('X-B', '2'),
    addHeader('X-A', '3'),
  ),
  changes('add to a name that is there', addHeader('X-Many', 'four'), addHeader('x-many', 'five')),
  changes('add a folded header', addHeader('X-Folded', 'one\n two\n\tthree\r\n four')),
  changes('add an empty header', addHeader('X-Empty', '')),
  changes('add UTF-8', addHeader('X-Text', 'Größe ✓')),
  changes('add bytes', addHeader('X-Bytes', latin1('gr\xf6\xdfe \xff'))),
  changes('insert at the top', insertHeader('top', 'X-In', '1')),
  changes('insert two at the top', insertHeader('top', 'X-In', '1'), insertHeader('top', 'X-In', '2')),
  changes('insert at the bottom', insertHeader('bottom', 'X-In', '1'), insertHeader('bottom', 'X-In', '2')),
  ...[1, 2, 3, 8, 9, 99].map((n) => changes(`insert at ${n}`, insertHeader(n, 'X-In', 'yes'))),
  changes(
    'insert at several places',
    insertHeader(3, 'X-In', 'third'),
    insertHeader(1, 'X-In', 'first'),
    insertHeader(3, 'X-In', 'third again'),
    insertHeader(8, 'X-In', 'eighth'),
  ),
  changes('change a header', changeHeader('Subject', 'changed')),
  changes('change one in the middle', changeHeader('X-Many', '2', 2)),
  changes('change to a folded value', changeHeader('Subject', 'long\n folded')),
  changes('change to bytes', changeHeader('Subject', latin1('\xe9\xe8'))),
  changes('delete one', deleteHeader('Subject')),
  changes('delete one that is not there', deleteHeader('X-Many', 4), deleteHeader('X-None')),
  changes('delete the first two', deleteHeader('X-Many', 1), deleteHeader('X-Many', 2)),
  changes('delete the outer two', deleteHeader('X-Many', 3), deleteHeader('X-Many', 1)),
  changes('delete all of a name', ...[1, 2, 3].map((n) => deleteHeader('X-Many', n))),
  changes('delete one and change another', deleteHeader('X-Many', 1), changeHeader('X-Many', '3', 3)),
  changes('delete a header and insert behind it', deleteHeader('From'), insertHeader(4, 'X-In', 'yes')),
  changes(
    'everything with headers',
    insertHeader('top', 'X-Top', 'yes'),
    changeHeader('Subject', 'changed'),
    deleteHeader('X-Many', 2),
    addHeader('X-Low', 'yes'),
    insertHeader(2, 'X-In', 'yes'),
  ),
  changes('a new body', replaceBody('New.\r\n.dot\r\n..\r\n')),
  changes('a new body without a last line end', replaceBody('New.')),
  changes('a new body with bare line feeds', replaceBody('one\ntwo\n')),
  changes('a new body of bytes', replaceBody(Uint8Array.of(0xff, 0xfe, 0x80, 13, 10))),
  changes('no body any more', replaceBody('')),
  changes('a long new body', replaceBody('0123456789abcdef\r\n'.repeat(20_000))),
  changes('another sender', changeSender('dan@src.example')),
  changes('no sender', changeSender('')),
  changes('a recipient more', addRecipient('dan@dst.example')),
  changes('a recipient that is there already', addRecipient('bob@dst.example')),
  changes('a recipient twice', addRecipient('dan@dst.example'), addRecipient('dan@dst.example')),
  changes(
    'a recipient once with arguments and once without',
    addRecipient('dan@dst.example', ['NOTIFY=NEVER']),
    addRecipient('dan@dst.example'),
  ),
  changes('a recipient in two cases', addRecipient('dan@dst.example'), addRecipient('DAN@dst.example')),
  changes(
    'a recipient who is there twice less',
    addRecipient('bob@dst.example'),
    deleteRecipient('bob@dst.example'),
  ),
  changes(
    'a recipient who is there with arguments',
    addRecipient('bob@dst.example', ['ORCPT=rfc822;bob@dst.example']),
  ),
  changes('a recipient with arguments', addRecipient('dan@dst.example', ['NOTIFY=NEVER'])),
  changes('a recipient less', deleteRecipient('bob@dst.example')),
  changes('a recipient less that is not there', deleteRecipient('nobody@dst.example')),
  changes('other recipients', deleteRecipient('bob@dst.example'), addRecipient('dan@dst.example')),
  changes('one there and back', deleteRecipient('bob@dst.example'), addRecipient('bob@dst.example')),
  {
    name: 'all kinds, by two filters',
    filter: () =>
      compose(
        on('eom', () => [addHeader('X-First', '1'), changeSender('dan@src.example')]),
        on('eom', () => [
          replaceBody('New.\r\n'),
          deleteHeader('X-Many', 1),
          insertHeader('top', 'X-Top', 'yes'),
          addRecipient('dan@dst.example'),
          deleteRecipient('bob@dst.example'),
        ]),
      ),
  },
];

/** Messages of other kinds. */
export const MESSAGES: readonly Case[] = [
  { name: 'as ever', filter: nothing },
  message(
    'with folded headers',
    'Subject: one\r\n two\r\n\tthree\r\nX-A: b\r\n\r\nBody.\r\n',
    addHeader('X-Z', '1'),
  ),
  message(
    'with folded headers that are changed',
    'X-A: one\r\n two\r\nX-A: b\r\n\r\n.\r\n',
    changeHeader('X-A', 'c'),
  ),
  message(
    'with 8-bit headers',
    latin1('Subject: caf\xe9\r\nX-U: \xfc\r\n\r\nBody.\r\n'),
    addHeader('X-Z', '1'),
  ),
  message(
    'with an odd blank after the colon',
    'X-A:tight\r\nX-B:  two\r\nX-C:\ttab\r\nX-D: end \t\r\nX-E:\r\nX-F: \r\n\r\n.\r\n',
  ),
  message('with an empty body', 'Subject: x\r\n\r\n', addHeader('X-Z', '1')),
  message('with bytes in the body', latin1('Subject: x\r\n\r\n\x80\xff\xfe\r\n\t\r\n')),
  message('with a long line', `Subject: x\r\n\r\n${'y'.repeat(5000)}\r\nz\r\n`, addHeader('X-Z', '1')),
  message(
    'with a long body',
    `Subject: x\r\n\r\n${'0123456789abcdef\r\n'.repeat(20_000)}`,
    addHeader('X-Z', '1'),
  ),
  message(
    'with a Received of its own',
    'Received: from a by b;\r\n\tlong ago\r\nSubject: x\r\n\r\n.\r\n',
    insertHeader(1, 'X-In', '1'),
    changeHeader('Received', 'from c by d; now'),
  ),
  message('with names in all cases', 'X-ab: 1\r\nx-AB: 2\r\nX-AB: 3\r\n\r\n.\r\n', deleteHeader('X-AB', 2)),
  {
    ...message(
      'written back byte by byte',
      'X-A:tight\r\nX-B:  two\r\nX-C: as ever\r\n\r\n.\r\n',
      changeHeader('X-A', 'tight as well'),
      addHeader('X-Z', '  far'),
      insertHeader(2, 'X-Y', '\ttab'),
    ),
    leadingSpace: true,
  },
  message(
    'with blanks before the colon',
    'X-A : 1\r\nX-B\t: 2\r\nX-A: 3\r\n\r\n.\r\n',
    changeHeader('X-A', 'new', 2),
    deleteHeader('X-B'),
  ),
  {
    name: 'a recipient that the client names twice',
    filter: nothing,
    recipients: ['<bob@dst.example>', '<bob@dst.example>'],
  },
  {
    name: 'a recipient in two spellings',
    filter: () => on('eom', () => deleteRecipient('BOB@dst.example')),
    recipients: ['<bob@dst.example>', '<Bob@dst.example>', '<BOB@dst.example>'],
  },
  { name: 'without a sender', filter: nothing, sender: '<>' },
  {
    name: 'with arguments',
    filter: nothing,
    sender: '<alice@src.example> RET=HDRS ENVID=abc',
    recipients: ['<bob@dst.example> NOTIFY=NEVER', '<cid@dst.example>'],
  },
];
