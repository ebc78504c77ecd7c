import { parseAddress, sameAddress } from 'rxmilter';
import { parseEml, describeMessage } from 'rxmilter/mta';
import { clientNetwork } from 'rxmilter/policies';
import { readRecording } from 'rxmilter/recording';
import { describe, expect, it } from 'vitest';

import { unifiedDiff } from '../../src/cli/diff.js';
import { addressesIn } from '../../src/cli/envelope.js';
import { parseClient, parseMacros, parsePath } from '../../src/cli/values.js';
import { placeOf, traceOf } from '../../src/common/call-site.js';
import { describeError } from '../../src/common/describe-error.js';
import { didYouMean } from '../../src/common/options.js';
import { dotted, excerpt, printable, printableJson, quote } from '../../src/common/printable.js';
import { addressReader } from '../../src/message/headers/header-address.js';
import { unfold } from '../../src/message/headers/header-field.js';
import { encodeText, wordsDecoder } from '../../src/message/headers/mime-words.js';
import { parseDate } from '../../src/message/headers/parse-date.js';
import { sanitiseReply } from '../../src/mta/client/sanitise-reply.js';
import { nameOf } from '../../src/mta/simulate/header-list.js';
import { subjectKey } from '../../src/policies/keys.js';
import { Redactor } from '../../src/recording/redactor.js';
import { checkAddress, checkHeaderName, headerValue } from '../../src/session/check-text.js';
import { suggestEndpoint } from '../../src/transport/sockets/endpoint.js';

/** What regular expressions and parsers may read again and again: long runs, and openings that are never closed. */
const UNITS = [
  ...[
    ' ',
    '\t',
    '\n',
    ' \n',
    '\r\n',
    '"',
    '\\"',
    '<',
    '>',
    '@',
    'a@',
    '(',
    '()',
    ',',
    ':',
    '.',
    'a.',
    '1.',
    '1',
    ':1',
  ],
  ...[
    'a',
    'a-',
    '=',
    '=?',
    '=?utf-8?q?',
    '=?utf-8?b?YQ==?=',
    '[',
    '<>',
    '<a@b>, ',
    'a:b@c;',
    '(a) ',
    'a@b ',
    'é',
    '/',
  ],
  ...[
    '/a:1',
    '::1 ',
    '1.2.3.',
    '\u001b[31m',
    'AUTH=',
    'A:b\r\n',
    '\n    at (/a:1',
    '\u0301\u0323',
    '\\',
    '%',
    '-',
    'ff:',
  ],
];

/** Of those for the longest texts, as the others take some time even where each is read once. */
const LONG = [' ', '\n', '"', '<', '@', 'a.', 'a', '(', '=?utf-8?q?', '\n    at (/a:1', '::1 '];

const inputs = (bytes: number, units: readonly string[]): readonly string[] => [
  ...units.map((unit) => `${unit.repeat(Math.ceil(bytes / Buffer.byteLength(unit)))}x`),
  // Each mark of the second kind belongs before all of the first.
  `a${'\u0301'.repeat(bytes / 4)}${'\u0323'.repeat(bytes / 4)}@example.org`,
  `a@b${'\u0301'.repeat(bytes / 4)}${'\u0323'.repeat(bytes / 4)}.example`,
];

const redacted = (message: object): unknown =>
  new Redactor({ addresses: true, content: false }).redact({ ms: 0, from: 'mta', message } as never);

const READERS: Readonly<Record<string, (text: string) => unknown>> = {
  addressesIn,
  checkAddress: (text) => checkAddress('x', text, true),
  checkHeaderName: (text) => checkHeaderName('x', text),
  clientNetwork: (text) => clientNetwork({ family: 'inet6', address: text }),
  describeError: (text) => describeError(new Error(text)),
  describeMessage: (text) => describeMessage({ type: 'helo', text }),
  didYouMean: (text) => didYouMean(text, [`${text}x`, 'listen']),
  dotted,
  'encodeText (libmime)': (text) => encodeText('x', 'Subject', text),
  excerpt,
  nameOf,
  headerValue: (text) => headerValue('x', text),
  parseAddress,
  parseClient,
  parseDate: (text) => parseDate(`Mon, 1 Jan 2024 00:00${text}`),
  parseEml,
  parseMacros: (text) => parseMacros([text]),
  parsePath: (text) => parsePath('--rcpt', text),
  placeOf: (text) => [placeOf(new Error(text)), placeOf(new SyntaxError(text)), traceOf(new Error(text))],
  printable,
  printableJson,
  quote,
  readRecording,
  'redaction of HELO': (text) => redacted({ type: 'helo', text }),
  'redaction of a header': (text) => redacted({ type: 'header', name: 'Return-Path', value: text }),
  'redaction of a recipient': (text) =>
    redacted({ type: 'rcpt', address: text, args: [text, `ORCPT=${text}`] }),
  'redaction of a macro': (text) =>
    redacted({
      type: 'macro',
      target: 'R',
      macros: [
        ['_', text],
        ['{client_name}', text],
      ],
    }),
  'redaction of a command': (text) => redacted({ type: 'unknown', text: `VRFY ${text}` }),
  sameAddress: (text) => [sameAddress(text, `${text}x`), sameAddress(`"${text}"@a`, text)],
  sanitiseReply: (text) => [sanitiseReply(text), sanitiseReply(`550-5.7.1 ${text}`)],
  subjectKey: (text) => subjectKey({ value: text }),
  suggestEndpoint,
  unfold,
  unifiedDiff: (text) => unifiedDiff(text, text.replaceAll('a', 'b'), ['a', 'b']),
  'headers.addresses() (nodemailer)': addressReader('headers.addresses()'),
  'headers.text() (libmime)': wordsDecoder('headers.text()'),
};

/** Seconds of this process, whatever else the machine does. What is refused with an error is read, too. */
function seconds(read: (text: string) => unknown, text: string): number {
  const before = process.cpuUsage();
  try {
    read(text);
  } catch {
    // It is about the time.
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

// What takes a step for each pair of characters takes seconds for 64 KiB, and 256 times as long for 1 MiB.
describe.each([
  ['64 KiB', 65_536, 0.5, UNITS],
  ['1 MiB', 1_048_576, 6, LONG],
])('text from outside of %s', (_size, bytes, most, units) => {
  const texts = inputs(bytes, units);

  it.each(Object.entries(READERS))(
    'is read once: %s',
    (_name, read) => {
      for (const text of texts) {
        const taken = seconds(read, text);
        if (taken > most) throw new Error(`${taken} s for ${quote(text, 40)}; ${most} s is the limit.`);
      }
      expect.assertions(0);
    },
    240_000,
  );
});
