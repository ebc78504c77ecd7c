import type { Command } from '../../../src/transport/wire/commands.js';
import { latin1 } from './bytes.js';

/** A command as bytes and as fields. */
export interface CommandVector {
  readonly id: string;
  readonly what: string;
  /** Length, letter and data in hexadecimal. */
  readonly frame: string;
  /** The value of the length field. */
  readonly length: number;
  /** What it decodes to, but for `raw`. */
  readonly fields: Command;
  /** The bytes of the text that `raw` belongs to, as Latin-1; where absent it is the UTF-8 of that text. */
  readonly raw?: string;
  /** What encodes to it, where that is more than what it decodes to. */
  readonly written?: Command;
}

/** What an MTA says, byte for byte. */
export const COMMAND_VECTORS: readonly CommandVector[] = [
  {
    id: 'C01',
    what: 'offer of version 6',
    frame: '0000000d 4f 00000006000001ff001fffff',
    length: 13,
    fields: { type: 'optneg', version: 6, actions: 0x1ff, protocol: 0x1fffff, lists: [] },
  },
  {
    id: 'C02',
    what: 'offer of version 2',
    frame: '0000000d 4f 000000020000003f0000007f',
    length: 13,
    fields: { type: 'optneg', version: 2, actions: 0x3f, protocol: 0x7f, lists: [] },
  },
  {
    id: 'C03',
    what: 'client over IPv4',
    frame: '00000020 43 6d61696c2e6578616d706c652e636f6d0034d4313139322e302e322e323500',
    length: 32,
    fields: { type: 'connect', host: 'mail.example.com', family: 'inet', port: 54321, address: '192.0.2.25' },
  },
  {
    id: 'C04',
    what: 'client over IPv6 as Sendmail writes it',
    frame: '0000002a 43 5b495076363a323030313a6462383a3a32355d003661a8495076363a323030313a6462383a3a323500',
    length: 42,
    fields: {
      type: 'connect',
      host: '[IPv6:2001:db8::25]',
      family: 'inet6',
      port: 25000,
      address: '2001:db8::25',
    },
    written: {
      type: 'connect',
      host: '[IPv6:2001:db8::25]',
      family: 'inet6',
      port: 25000,
      address: 'IPv6:2001:db8::25',
    },
  },
  {
    id: 'C05',
    what: 'client over IPv6 as Postfix writes it',
    frame: '00000020 43 6d782e6578616d706c652e6e6574003661a8323030313a6462383a3a323500',
    length: 32,
    fields: {
      type: 'connect',
      host: 'mx.example.net',
      family: 'inet6',
      port: 25000,
      address: '2001:db8::25',
    },
  },
  {
    id: 'C06',
    what: 'client at a Unix socket',
    frame: '0000001d 43 6c6f63616c686f7374004c00002f72756e2f736d74702e736f636b00',
    length: 29,
    fields: { type: 'connect', host: 'localhost', family: 'unix', port: 0, address: '/run/smtp.sock' },
  },
  {
    id: 'C07',
    what: 'client of unknown family',
    frame: '0000000c 43 6c6f63616c686f73740055',
    length: 12,
    fields: { type: 'connect', host: 'localhost', family: 'unknown', port: 0, address: '' },
  },
  {
    id: 'C08',
    what: 'macros of the connection',
    frame: '00000025 44 436a006d782e6578616d706c652e6f7267007b6461656d6f6e5f6e616d657d004d544100',
    length: 37,
    fields: {
      type: 'macro',
      target: 'C',
      macros: [
        ['j', 'mx.example.org'],
        ['{daemon_name}', 'MTA'],
      ],
    },
  },
  {
    id: 'C09',
    what: 'no macros for a header',
    frame: '00000002 44 4c',
    length: 2,
    fields: { type: 'macro', target: 'L', macros: [] },
  },
  {
    id: 'C10',
    what: 'helo',
    frame: '00000014 48 636c69656e742e6578616d706c652e636f6d00',
    length: 20,
    fields: { type: 'helo', text: 'client.example.com' },
  },
  {
    id: 'C11',
    what: 'macros of the sender',
    frame: '00000025 44 4d69003458795a316b324c6d337a39007b617574685f61757468656e7d00616c69636500',
    length: 37,
    fields: {
      type: 'macro',
      target: 'M',
      macros: [
        ['i', '4XyZ1k2Lm3z9'],
        ['{auth_authen}', 'alice'],
      ],
    },
  },
  {
    id: 'C12',
    what: 'sender with two arguments',
    frame:
      '0000002d 4d 3c616c696365406578616d706c652e636f6d3e0053495a453d3132333400424f44593d384249544d494d4500',
    length: 45,
    fields: { type: 'mail', address: '<alice@example.com>', args: ['SIZE=1234', 'BODY=8BITMIME'] },
  },
  {
    id: 'C13',
    what: 'null sender',
    frame: '00000004 4d 3c3e00',
    length: 4,
    fields: { type: 'mail', address: '<>', args: [] },
  },
  {
    id: 'C14',
    what: 'null sender without brackets',
    frame: '00000002 4d 00',
    length: 2,
    fields: { type: 'mail', address: '', args: [] },
  },
  {
    id: 'C15',
    what: 'sender in UTF-8',
    frame: '0000001d 4d 3c6ac3b67267406578616d706c652e64653e00534d54505554463800',
    length: 29,
    fields: { type: 'mail', address: '<jörg@example.de>', args: ['SMTPUTF8'] },
  },
  {
    id: 'C16',
    what: 'recipient with an argument',
    frame: '00000020 52 3c626f62406578616d706c652e6f72673e004e4f544946593d4e4556455200',
    length: 32,
    fields: { type: 'rcpt', address: '<bob@example.org>', args: ['NOTIFY=NEVER'] },
  },
  {
    id: 'C17',
    what: 'macros of a recipient that the MTA has refused',
    frame:
      '00000041 44 527b726370745f6d61696c65727d006572726f72007b726370745f686f73747d00352e312e31007b726370745f616464727d005573657220756e6b6e6f776e00',
    length: 65,
    fields: {
      type: 'macro',
      target: 'R',
      macros: [
        ['{rcpt_mailer}', 'error'],
        ['{rcpt_host}', '5.1.1'],
        ['{rcpt_addr}', 'User unknown'],
      ],
    },
  },
  { id: 'C18', what: 'data', frame: '00000001 54', length: 1, fields: { type: 'data' } },
  {
    id: 'C19',
    what: 'header, its leading space removed',
    frame: '0000000f 4c 5375626a6563740048656c6c6f00',
    length: 15,
    fields: { type: 'header', name: 'Subject', value: 'Hello' },
  },
  {
    id: 'C20',
    what: 'header with its leading space',
    frame: '00000010 4c 5375626a656374002048656c6c6f00',
    length: 16,
    fields: { type: 'header', name: 'Subject', value: ' Hello' },
  },
  {
    id: 'C21',
    what: 'folded header',
    frame: '00000027 4c 52656365697665640066726f6d20612e6578616d706c650a09627920622e6578616d706c6500',
    length: 39,
    fields: { type: 'header', name: 'Received', value: 'from a.example\n\tby b.example' },
  },
  {
    id: 'C22',
    what: 'header with an empty value',
    frame: '0000000a 4c 582d456d7074790000',
    length: 10,
    fields: { type: 'header', name: 'X-Empty', value: '' },
  },
  {
    id: 'C23',
    what: 'header in Latin-1',
    frame: '0000000e 4c 5375626a65637400636166e900',
    length: 14,
    fields: { type: 'header', name: 'Subject', value: 'café' },
    raw: 'caf\xe9',
  },
  { id: 'C24', what: 'end of the headers', frame: '00000001 4e', length: 1, fields: { type: 'eoh' } },
  {
    id: 'C25',
    what: 'body',
    frame: '00000008 42 48656c6c6f0d0a',
    length: 8,
    fields: { type: 'body', data: latin1('Hello\r\n') },
  },
  {
    id: 'C26',
    what: 'end of the message',
    frame: '00000001 45',
    length: 1,
    fields: { type: 'eom', data: latin1('') },
  },
  {
    id: 'C27',
    what: 'end of the message with the last of the body',
    frame: '00000006 45 4279650d0a',
    length: 6,
    fields: { type: 'eom', data: latin1('Bye\r\n') },
  },
  { id: 'C28', what: 'abort', frame: '00000001 41', length: 1, fields: { type: 'abort' } },
  { id: 'C29', what: 'quit', frame: '00000001 51', length: 1, fields: { type: 'quit' } },
  {
    id: 'C30',
    what: 'quit, another connection follows',
    frame: '00000001 4b',
    length: 1,
    fields: { type: 'quitNc' },
  },
  {
    id: 'C31',
    what: 'unknown SMTP command',
    frame: '00000009 55 464f4f2062617200',
    length: 9,
    fields: { type: 'unknown', text: 'FOO bar' },
  },
  {
    id: 'C32',
    what: 'client at ::1 as Sendmail writes it',
    frame:
      '00000030 43 5b495076363a303a303a303a303a303a303a303a315d0036a570495076363a303a303a303a303a303a303a303a3100',
    length: 48,
    fields: {
      type: 'connect',
      host: '[IPv6:0:0:0:0:0:0:0:1]',
      family: 'inet6',
      port: 42352,
      address: '0:0:0:0:0:0:0:1',
    },
    written: {
      type: 'connect',
      host: '[IPv6:0:0:0:0:0:0:0:1]',
      family: 'inet6',
      port: 42352,
      address: 'IPv6:0:0:0:0:0:0:0:1',
    },
  },
  {
    id: 'C33',
    what: 'local submission as Postfix writes it',
    frame: '00000018 43 6c6f63616c686f7374003400003132372e302e302e3100',
    length: 24,
    fields: { type: 'connect', host: 'localhost', family: 'inet', port: 0, address: '127.0.0.1' },
  },
  {
    id: 'C34',
    what: 'no macros for helo',
    frame: '00000002 44 48',
    length: 2,
    fields: { type: 'macro', target: 'H', macros: [] },
  },
  {
    id: 'C35',
    what: 'recipient without brackets',
    frame: '00000010 52 7531406578616d706c652e6f726700',
    length: 16,
    fields: { type: 'rcpt', address: 'u1@example.org', args: [] },
  },
  {
    id: 'C36',
    what: 'empty SMTP command',
    frame: '00000002 55 00',
    length: 2,
    fields: { type: 'unknown', text: '' },
  },
];
