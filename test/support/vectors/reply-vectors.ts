import type { WireReply } from '../../../src/transport/wire/replies.js';
import { latin1 } from './bytes.js';

/** A reply as bytes and as fields. */
export interface ReplyVector {
  readonly id: string;
  readonly what: string;
  /** Length, letter and data in hexadecimal. */
  readonly frame: string;
  /** The value of the length field. */
  readonly length: number;
  /** What it decodes to, but for `raw`, which is the UTF-8 of the text it belongs to. */
  readonly fields: WireReply;
}

/** What a filter says, byte for byte. */
export const REPLY_VECTORS: readonly ReplyVector[] = [
  {
    id: 'R01',
    what: 'answer of version 6',
    frame: '0000000d 4f 000000060000001100100500',
    length: 13,
    fields: { type: 'optneg', version: 6, actions: 0x11, protocol: 0x100500, lists: [] },
  },
  {
    id: 'R02',
    what: 'answer with four symbol lists',
    frame:
      '00000049 4f 00000006000001ff00100500000000006a207b6461656d6f6e5f6e616d657d00000000037b726370745f616464727d207b726370745f686f73747d00000000056900000000066900',
    length: 73,
    fields: {
      type: 'optneg',
      version: 6,
      actions: 0x1ff,
      protocol: 0x100500,
      lists: [
        [0, 'j {daemon_name}'],
        [3, '{rcpt_addr} {rcpt_host}'],
        [5, 'i'],
        [6, 'i'],
      ],
    },
  },
  { id: 'R03', what: 'continue', frame: '00000001 63', length: 1, fields: { type: 'continue' } },
  { id: 'R04', what: 'accept', frame: '00000001 61', length: 1, fields: { type: 'accept' } },
  { id: 'R05', what: 'reject', frame: '00000001 72', length: 1, fields: { type: 'reject' } },
  { id: 'R06', what: 'tempfail', frame: '00000001 74', length: 1, fields: { type: 'tempfail' } },
  { id: 'R07', what: 'discard', frame: '00000001 64', length: 1, fields: { type: 'discard' } },
  { id: 'R08', what: 'skip', frame: '00000001 73', length: 1, fields: { type: 'skip' } },
  { id: 'R09', what: 'progress', frame: '00000001 70', length: 1, fields: { type: 'progress' } },
  {
    id: 'R10',
    what: 'reply of one line',
    frame: '0000001d 79 35353020352e372e31204e6f20737563682075736572206865726500',
    length: 29,
    fields: { type: 'replycode', text: '550 5.7.1 No such user here' },
  },
  {
    id: 'R11',
    what: 'reply of three lines',
    frame:
      '00000056 79 3535342d352e372e302052656a656374656420627920706f6c6963790d0a3535342d352e372e30205365652068747470733a2f2f6578616d706c652e6f72672f700d0a35353420352e372e3020476f6f6462796500',
    length: 86,
    fields: {
      type: 'replycode',
      text: '554-5.7.0 Rejected by policy\r\n554-5.7.0 See https://example.org/p\r\n554 5.7.0 Goodbye',
    },
  },
  {
    id: 'R12',
    what: 'reply with a doubled percent sign',
    frame: '0000001d 79 34353120342e372e312031303025252066756c6c2c20726574727900',
    length: 29,
    fields: { type: 'replycode', text: '451 4.7.1 100%% full, retry' },
  },
  {
    id: 'R13',
    what: 'reply that ends the SMTP session',
    frame: '00000024 79 34323120342e372e3020436c6f73696e672c20746f6f206d616e79206572726f727300',
    length: 36,
    fields: { type: 'replycode', text: '421 4.7.0 Closing, too many errors' },
  },
  { id: 'R14', what: 'drop the connection', frame: '00000001 66', length: 1, fields: { type: 'connFail' } },
  { id: 'R15', what: 'shut down', frame: '00000001 34', length: 1, fields: { type: 'shutdown' } },
  {
    id: 'R16',
    what: 'add a header',
    frame: '0000000c 68 582d546573740079657300',
    length: 12,
    fields: { type: 'addHeader', name: 'X-Test', value: 'yes' },
  },
  {
    id: 'R17',
    what: 'add a header, its space written out',
    frame: '0000000d 68 582d54657374002079657300',
    length: 13,
    fields: { type: 'addHeader', name: 'X-Test', value: ' yes' },
  },
  {
    id: 'R18',
    what: 'add a folded header',
    frame: '0000001b 68 582d466f6c64006c696e65206f6e650a096c696e652074776f00',
    length: 27,
    fields: { type: 'addHeader', name: 'X-Fold', value: 'line one\n\tline two' },
  },
  {
    id: 'R19',
    what: 'insert a header at the top',
    frame: '0000000d 69 00000000582d546f70003100',
    length: 13,
    fields: { type: 'insertHeader', index: 0, name: 'X-Top', value: '1' },
  },
  {
    id: 'R20',
    what: 'insert a header as the second',
    frame:
      '00000031 69 0000000141757468656e7469636174696f6e2d526573756c7473006d782e6578616d706c652e6f72673b206e6f6e6500',
    length: 49,
    fields: { type: 'insertHeader', index: 1, name: 'Authentication-Results', value: 'mx.example.org; none' },
  },
  {
    id: 'R21',
    what: 'change the first of a name',
    frame: '00000019 6d 000000015375626a656374004e6577207375626a65637400',
    length: 25,
    fields: { type: 'changeHeader', index: 1, name: 'Subject', value: 'New subject' },
  },
  {
    id: 'R22',
    what: 'delete the second of a name',
    frame: '0000000d 6d 00000002582d5370616d0000',
    length: 13,
    fields: { type: 'changeHeader', index: 2, name: 'X-Spam', value: '' },
  },
  {
    id: 'R23',
    what: 'add a recipient',
    frame: '00000015 2b 3c6361726f6c406578616d706c652e6f72673e00',
    length: 21,
    fields: { type: 'addRecipient', text: '<carol@example.org>' },
  },
  {
    id: 'R24',
    what: 'add a recipient with two arguments in one string',
    frame:
      '0000003f 32 3c64617665406578616d706c652e6f72673e004e4f544946593d4e45564552204f524350543d7266633832323b64617665406578616d706c652e6f726700',
    length: 63,
    fields: {
      type: 'addRecipientPar',
      address: '<dave@example.org>',
      args: ['NOTIFY=NEVER ORCPT=rfc822;dave@example.org'],
    },
  },
  {
    id: 'R25',
    what: 'add a recipient without the arguments it may have',
    frame: '00000014 32 3c64617665406578616d706c652e6f72673e00',
    length: 20,
    fields: { type: 'addRecipientPar', address: '<dave@example.org>', args: [] },
  },
  {
    id: 'R26',
    what: 'delete a recipient',
    frame: '00000013 2d 3c626f62406578616d706c652e6f72673e00',
    length: 19,
    fields: { type: 'deleteRecipient', text: '<bob@example.org>' },
  },
  {
    id: 'R27',
    what: 'change the sender',
    frame: '00000016 65 3c626f756e6365406578616d706c652e636f6d3e00',
    length: 22,
    fields: { type: 'changeSender', address: '<bounce@example.com>', args: [] },
  },
  {
    id: 'R28',
    what: 'change the sender with arguments',
    frame: '00000029 65 3c626f756e6365406578616d706c652e636f6d3e005245543d4844525320454e5649443d61626300',
    length: 41,
    fields: { type: 'changeSender', address: '<bounce@example.com>', args: ['RET=HDRS ENVID=abc'] },
  },
  {
    id: 'R29',
    what: 'change to the null sender, its arguments empty',
    frame: '00000005 65 3c3e0000',
    length: 5,
    fields: { type: 'changeSender', address: '<>', args: [''] },
  },
  {
    id: 'R30',
    what: 'replace the body',
    frame: '0000000b 62 4e657720626f64790d0a',
    length: 11,
    fields: { type: 'replaceBody', data: latin1('New body\r\n') },
  },
  {
    id: 'R31',
    what: 'replace the body by nothing',
    frame: '00000001 62',
    length: 1,
    fields: { type: 'replaceBody', data: latin1('') },
  },
  {
    id: 'R32',
    what: 'quarantine',
    frame: '0000000d 71 706f6c69637920686f6c6400',
    length: 13,
    fields: { type: 'quarantine', text: 'policy hold' },
  },
  {
    id: 'R33',
    what: 'answer that wants no events',
    frame: '0000000d 4f 00000006000000000000037f',
    length: 13,
    fields: { type: 'optneg', version: 6, actions: 0, protocol: 0x37f, lists: [] },
  },
  {
    id: 'R34',
    what: 'answer that replies to nothing',
    frame: '0000000d 4f 00000006000001ff000ff080',
    length: 13,
    fields: { type: 'optneg', version: 6, actions: 0x1ff, protocol: 0xff080, lists: [] },
  },
  {
    id: 'R35',
    what: 'answer of version 2',
    frame: '0000000d 4f 000000020000003f00000000',
    length: 13,
    fields: { type: 'optneg', version: 2, actions: 0x3f, protocol: 0, lists: [] },
  },
  {
    id: 'R36',
    what: 'reply without enhanced code',
    frame: '00000010 79 35353020506c61696e207465787400',
    length: 16,
    fields: { type: 'replycode', text: '550 Plain text' },
  },
  {
    id: 'R37',
    what: 'reply of two lines',
    frame: '0000001e 79 3435302d342e302e30206f6e650d0a34353020342e302e302074776f00',
    length: 30,
    fields: { type: 'replycode', text: '450-4.0.0 one\r\n450 4.0.0 two' },
  },
  {
    id: 'R38',
    what: 'change a header at index 0',
    frame: '0000000f 6d 000000005375626a656374007800',
    length: 15,
    fields: { type: 'changeHeader', index: 0, name: 'Subject', value: 'x' },
  },
  {
    id: 'R39',
    what: 'answer with empty symbol lists',
    frame: '00000017 4f 00000006000001000000000000000005000000000600',
    length: 23,
    fields: {
      type: 'optneg',
      version: 6,
      actions: 0x100,
      protocol: 0,
      lists: [
        [5, ''],
        [6, ''],
      ],
    },
  },
];
