import fc from 'fast-check';

import type { Command } from '../../src/transport/wire/commands.js';
import type { WireReply } from '../../src/transport/wire/replies.js';

/** Text that a string of the protocol can hold: anything but NUL, lone surrogates left out since UTF-8 has none. */
const text = fc.string({ unit: 'grapheme', maxLength: 40 }).map((value) => value.replaceAll('\0', ''));
const name = text.filter((value) => value !== '');
const data = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));
const u32 = fc.nat(0xffffffff);
const address = fc.record({ address: text, args: fc.array(text, { maxLength: 4 }) });
const field = fc.record({ name, value: text });
const indexed = fc.record({ index: u32, name, value: text });
const optneg = fc.record({
  version: u32,
  actions: u32,
  protocol: u32,
  lists: fc.array(fc.tuple(u32, text), { maxLength: 4 }),
});
const client = fc.oneof(
  fc.record({ family: fc.constant('inet'), host: text, port: fc.nat(65535), address: fc.ipV4() }),
  fc.record({ family: fc.constant('inet6'), host: text, port: fc.nat(65535), address: fc.ipV6() }),
  fc.record({
    family: fc.constant('unix'),
    host: text,
    port: fc.nat(65535),
    address: name.map((path) => `/${path}`),
  }),
  fc.record({
    family: fc.constant('unknown'),
    host: text,
    port: fc.constant(0),
    address: fc.constant(''),
  }),
);
const macros = fc.record({
  target: fc.constantFrom('C', 'H', 'M', 'R', 'T', 'L', 'N', 'B', 'E', 'U', 'Z'),
  macros: fc.array(fc.tuple(text, text), { maxLength: 6 }),
});

const typed = (types: readonly string[], fields: fc.Arbitrary<object>): fc.Arbitrary<{ type: string }> =>
  fc.tuple(fc.constantFrom(...types), fields).map(([type, rest]) => ({ type, ...rest }));
const nothing = fc.constant({});
const string = text.map((value) => ({ text: value }));
const bytes = data.map((value) => ({ data: value }));

/** Any command, as an MTA could send it. */
export const anyCommand = fc.oneof(
  typed(['optneg'], optneg),
  typed(['connect'], client),
  typed(['helo', 'unknown'], string),
  typed(['mail', 'rcpt'], address),
  typed(['data', 'eoh', 'abort', 'quit', 'quitNc'], nothing),
  typed(['header'], field),
  typed(['body', 'eom'], bytes),
  typed(['macro'], macros),
) as fc.Arbitrary<Command>;

/** Any reply, as a filter could send it. */
export const anyReply = fc.oneof(
  typed(['optneg'], optneg),
  typed(
    ['continue', 'accept', 'reject', 'tempfail', 'discard', 'skip', 'shutdown', 'connFail', 'progress'],
    nothing,
  ),
  typed(['replycode', 'quarantine', 'addRecipient', 'deleteRecipient'], string),
  typed(['addRecipientPar', 'changeSender'], address),
  typed(['addHeader'], field),
  typed(['insertHeader', 'changeHeader'], indexed),
  typed(['replaceBody'], bytes),
) as fc.Arbitrary<WireReply>;
