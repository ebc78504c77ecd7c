import fc from 'fast-check';
import * as rx from 'rxmilter';

const FORGED = '550 5.7.1 no\r\n250 2.0.0 yes';

/** The lines of text that a client may get to read: those below that are fit to be sent, and that of a failure. */
export const TEXTS: ReadonlySet<string> = new Set([
  '100% %s%n',
  'one',
  'two %',
  '',
  '%'.repeat(980),
  'Grüße 📭',
  'bye',
  '100 %',
  // FORGED and its like, as one line, and the first 32 of 33.
  '550 5.7.1 no 250 2.0.0 yes',
  'a b',
  'x',
]);

/** One answer, good or bad, made anew at each call. Some throw, as the functions of the package do. */
const ANSWERS: Readonly<Record<string, () => unknown>> = {
  nothing: () => undefined,
  null: () => null,
  false: () => false,
  'allow()': () => rx.allow(),
  'accept()': () => rx.accept(),
  'reject()': () => rx.reject(),
  'tempfail()': () => rx.tempfail(),
  'discard()': () => rx.discard(),
  'skip()': () => rx.skip(),
  "reject('100% %s')": () => rx.reject('100% %s%n'),
  'reject, two lines': () => rx.reject({ text: ['one', 'two %'] }),
  'reject, no text': () => rx.reject({ code: 554, text: [''] }),
  'reject, 32 long lines': () => rx.reject({ text: Array.from({ length: 32 }, () => '%'.repeat(980)) }),
  'reject, Unicode': () => rx.reject('Grüße 📭'),
  'tempfail 421': () => rx.tempfail({ code: 421, text: 'bye' }),
  'reject, forged': () => rx.reject(FORGED),
  'tempfail, 5xx': () => rx.tempfail({ code: 550 }),
  'reject by hand, forged': () => ({ kind: 'reject', reply: { code: 550, lines: [FORGED] } }),
  'reject by hand, NUL': () => ({ kind: 'reject', reply: { code: 550, enhanced: '5.7.1', lines: ['a\0b'] } }),
  'reject by hand, 250': () => ({ kind: 'reject', reply: { code: 250, lines: ['fine'] } }),
  'reject by hand, 33 lines': () => ({ kind: 'reject', reply: { code: 550, lines: Array(33).fill('x') } }),
  'reject by hand, no lines': () => ({ kind: 'reject', reply: { code: 550 } }),
  'reject by hand, reply null': () => ({ kind: 'reject', reply: null }),
  'reject by hand, enhanced 4': () => ({
    kind: 'reject',
    reply: { code: 550, enhanced: '4.7.1', lines: ['x'] },
  }),
  'an unknown kind': () => ({ kind: 'shutdown' }),
  'kind constructor': () => ({ kind: 'constructor' }),
  'a kind that throws': () => ({
    get kind(): string {
      throw new Error('kind');
    },
  }),
  42: () => 42,
  "'reject'": () => 'reject',
  'a function': () => rx.reject,
  'a symbol': () => Symbol('answer'),
  '[[reject()]]': () => [[rx.reject()]],
  addHeader: () => rx.addHeader('X-Added', 'a\n\tb'),
  'addHeader, bytes': () => rx.addHeader('X-Added', Buffer.from('\xfc', 'latin1')),
  'addHeader, forged': () => rx.addHeader('X-Added', 'a\r\nBcc: x@y'),
  'addHeader by hand, forged': () => ({ kind: 'addHeader', name: 'X', value: 'a\nBcc: x' }),
  'addHeader by hand, name': () => ({ kind: 'addHeader', name: 'X:\r\nY', value: '' }),
  'addHeader by hand, number': () => ({ kind: 'addHeader', name: 'X', value: 5 }),
  'addHeader, too long': () => rx.addHeader('X-Long', 'x'.repeat(70_000)),
  'addHeader, just right': () => rx.addHeader('X', 'x'.repeat(65_535 - 3)),
  insertHeader: () => rx.insertHeader('top', 'X-Top', ''),
  'insertHeader 2': () => rx.insertHeader(2, 'X-Two', '2'),
  'insertHeader by hand, -1': () => ({ kind: 'insertHeader', position: -1, name: 'X', value: '' }),
  'insertHeader by hand, NaN': () => ({ kind: 'insertHeader', position: NaN, name: 'X', value: '' }),
  changeHeader: () => rx.changeHeader('Subject', 'new', 3),
  'changeHeader by hand, 2^40': () => ({ kind: 'changeHeader', name: 'X', value: 'x', index: 2 ** 40 }),
  deleteHeader: () => rx.deleteHeader('X-Spam', 2),
  addRecipient: () => rx.addRecipient('new@example.org'),
  'addRecipient, args': () => rx.addRecipient('<new@example.org>', ['NOTIFY=NEVER', 'ORCPT=rfc822;a']),
  'addRecipient by hand, args': () => ({ kind: 'addRecipient', address: 'a@b', args: ['A B', '\0'] }),
  'addRecipient by hand, no args': () => ({ kind: 'addRecipient', address: 'a@b' }),
  'addRecipient by hand, two': () => ({ kind: 'addRecipient', address: 'a@b>,<c@d', args: [] }),
  deleteRecipient: () => rx.deleteRecipient('<b@example.org>'),
  'deleteRecipient by hand, blank': () => ({ kind: 'deleteRecipient', address: 'a b' }),
  changeSender: () => rx.changeSender(''),
  'changeSender, args': () => rx.changeSender('a@b', ['RET=HDRS']),
  quarantine: () => rx.quarantine('held %'),
  'quarantine by hand, lines': () => ({ kind: 'quarantine', reason: 'a\nb' }),
  'replaceBody, empty': () => rx.replaceBody(''),
  'replaceBody, 150 KB': () => rx.replaceBody('x'.repeat(150_000)),
  'replaceBody, pieces': () => rx.replaceBody(['a\r\n', Buffer.alloc(70_000), '']),
  'replaceBody, a wrong piece': () => rx.replaceBody([Buffer.alloc(70_000), 42] as never),
  'replaceBody by hand': () => ({ kind: 'replaceBody', body: { [Symbol.asyncIterator]: 5 } }),
  'replaceBody, fails at once': () =>
    rx.replaceBody({
      [Symbol.iterator](): Iterator<string> {
        throw new Error('source');
      },
    }),
};

/** The name of an answer. */
export const answerName: fc.Arbitrary<string> = fc.oneof(
  { weight: 1, arbitrary: fc.constantFrom(...Object.keys(ANSWERS).slice(0, 15)) },
  { weight: 2, arbitrary: fc.constantFrom(...Object.keys(ANSWERS)) },
);

/** Makes it. */
export function makeAnswer(name: string): unknown {
  const make = ANSWERS[name];
  if (make === undefined) throw new Error(`No answer is called ${name}.`);
  return make();
}
