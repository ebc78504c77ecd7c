import {
  compose,
  on,
  accept,
  discard,
  allow,
  reject,
  tempfail,
  AnswerError,
  UngrantedError,
  type Modification,
  addHeader,
  addRecipient,
  changeHeader,
  changeSender,
  deleteHeader,
  deleteRecipient,
  insertHeader,
  quarantine,
  replaceBody,
} from 'rxmilter';
import { describe, expect, it } from 'vitest';

import { type Bytes, frame, optneg, said } from '../support/session-frames.js';
import { type Link, link, opened } from '../support/session-link.js';
import { latin1 } from '../support/vectors.js';

/** What is said at the end of a message that a filter modifies like this. */
function written(...modifications: readonly Modification[]): string[] {
  return opened(on('eom', () => modifications)).ask('C26');
}

/** The end of a message with these rights. */
function withRights(
  actions: number,
  ...modifications: readonly Modification[]
): { mta: Link; heard: string[] } {
  const mta = link(on('eom', () => modifications));
  mta.ask(optneg(6, actions, 0x1fffff));
  return { mta, heard: mta.ask('C26') };
}

describe('a modification goes over the wire as the protocol has it', () => {
  it.each<[string, Modification, Bytes]>([
    ['add a header', addHeader('X-Test', 'yes'), 'R16'],
    ['add a header with its space written out', addHeader('X-Test', ' yes'), 'R17'],
    ['add a folded header', addHeader('X-Fold', 'line one\n\tline two'), 'R18'],
    ['add a header folded with CRLF', addHeader('X-Fold', 'line one\r\n\tline two'), 'R18'],
    ['insert a header at the top', insertHeader('top', 'X-Top', '1'), 'R19'],
    [
      'insert a header before the first',
      insertHeader(1, 'Authentication-Results', 'mx.example.org; none'),
      'R20',
    ],
    [
      'insert a header at the bottom',
      insertHeader('bottom', 'X', '1'),
      frame('i', '\x7f\xff\xff\xfeX\x001\0'),
    ],
    ['change a header', changeHeader('Subject', 'New subject'), 'R21'],
    ['delete a header', deleteHeader('X-Spam', 2), 'R22'],
    ['change a header to nothing, which deletes it', changeHeader('X-Spam', '', 2), 'R22'],
    ['add a recipient', addRecipient('carol@example.org'), 'R23'],
    ['add a recipient in brackets', addRecipient('<carol@example.org>'), 'R23'],
    [
      'add a recipient with arguments',
      addRecipient('dave@example.org', ['NOTIFY=NEVER', 'ORCPT=rfc822;dave@example.org']),
      'R24',
    ],
    ['delete a recipient', deleteRecipient('bob@example.org'), 'R26'],
    ['delete a recipient by its bytes', deleteRecipient(latin1('<bob@example.org>')), 'R26'],
    ['change the sender', changeSender('bounce@example.com'), frame('e', '<bounce@example.com>\0\0')],
    [
      'change the sender with arguments',
      changeSender('bounce@example.com', ['RET=HDRS', 'ENVID=abc']),
      'R28',
    ],
    ['change the sender to nobody', changeSender(''), 'R29'],
    ['replace the body by text', replaceBody('New body\r\n'), 'R30'],
    ['replace the body by bytes', replaceBody(latin1('New body\r\n')), 'R30'],
    ['replace the body by nothing', replaceBody(''), 'R31'],
    ['replace the body by no bytes', replaceBody(new Uint8Array(0)), 'R31'],
    ['quarantine', quarantine('policy hold'), 'R32'],
    [
      'an address as Postfix submits it',
      deleteRecipient(latin1('u1@example.org')),
      frame('-', 'u1@example.org\0'),
    ],
    ['text in UTF-8', addHeader('X', 'café'), frame('h', 'X\0caf\xc3\xa9\0')],
    ['bytes as they are', addHeader('X', latin1('caf\xe9')), frame('h', 'X\0caf\xe9\0')],
    ['an address in UTF-8', addRecipient('jörg@example.de'), frame('+', '<j\xc3\xb6rg@example.de>\0')],
  ])('%s', (_what, modification, bytes) => {
    expect(written(modification)).toEqual(said(bytes, 'R03'));
  });

  it('a recipient without arguments, where only those with are allowed', () => {
    expect(withRights(0x80, addRecipient('dave@example.org')).heard).toEqual(said('R25', 'R03'));
  });

  it('a value that came in as bytes goes out as those bytes', () => {
    let subject: Uint8Array = Buffer.alloc(0);
    const mta = opened(
      compose(
        on('header', ({ raw }) => {
          subject = raw;
        }),
        on('eom', () => changeHeader('Subject', subject)),
      ),
    );
    mta.send('C23');
    mta.heard();
    expect(mta.ask('C26')).toEqual(said(frame('m', '\0\0\0\x01Subject\0caf\xe9\0'), 'R03'));
  });
});

describe('the order', () => {
  it('is one in which every number counts what the filter was shown: values, then deletions from the last to the first', () => {
    const heard = written(
      addHeader('X-Test', 'yes'),
      deleteHeader('Received', 1),
      deleteHeader('Received', 3),
      changeHeader('Received', 'new', 2),
    );
    expect(heard).toEqual(
      said(
        frame('m', '\0\0\0\x02Received\0new\0'),
        frame('m', '\0\0\0\x03Received\0\0'),
        frame('m', '\0\0\0\x01Received\0\0'),
        'R16',
        'R03',
      ),
    );
  });

  it('has values from the lowest, so that two beyond the last header follow on one another', () => {
    expect(written(changeHeader('X-Many', 'five', 5), changeHeader('X-Many', 'four', 4))).toEqual(
      said(frame('m', '\0\0\0\x04X-Many\0four\0'), frame('m', '\0\0\0\x05X-Many\0five\0'), 'R03'),
    );
  });

  it('has insertions at a place from the bottom up, those at one place in the order of the message', () => {
    const heard = written(
      insertHeader(1, 'A', '1'),
      insertHeader(3, 'B', '1'),
      insertHeader(3, 'C', '1'),
      deleteHeader('From'),
    );
    expect(heard).toEqual(
      said(
        frame('i', '\0\0\0\x03C\x001\0'),
        frame('i', '\0\0\0\x03B\x001\0'),
        frame('i', '\0\0\0\x01A\x001\0'),
        frame('m', '\0\0\0\x01From\0\0'),
        'R03',
      ),
    );
  });

  it('deletes a header before another of its name is inserted, so that the new one stays', () => {
    expect(written(insertHeader(1, 'subject', 'new'), deleteHeader('Subject'))).toEqual(
      said(frame('m', '\0\0\0\x01Subject\0\0'), frame('i', '\0\0\0\x01subject\0new\0'), 'R03'),
    );
  });

  it("is the filter's for what is added and inserted", () => {
    const added = [insertHeader('top', 'A', '1'), addHeader('B', '2'), insertHeader('top', 'C', '3')];
    expect(written(...added)).toEqual(
      said(frame('i', '\0\0\0\0A\x001\0'), frame('h', 'B\x002\0'), frame('i', '\0\0\0\0C\x003\0'), 'R03'),
    );
  });

  it("is the filter's for recipients: one that is deleted and added again stays", () => {
    expect(written(deleteRecipient('carol@example.org'), addRecipient('carol@example.org'))).toEqual(
      said(frame('-', '<carol@example.org>\0'), 'R23', 'R03'),
    );
  });

  it('has the frames of the body next to one another, and last', () => {
    const heard = written(
      replaceBody(Buffer.alloc(70_000, 'x')),
      addHeader('X-Test', 'yes'),
      quarantine('policy hold'),
    );
    expect(heard.map((one) => one.slice(8, 10))).toEqual(['68', '71', '62', '62', '63']);
  });

  it('has the last body where there are several', () => {
    expect(written(replaceBody('old'), replaceBody('New body\r\n'))).toEqual(said('R30', 'R03'));
  });

  it('is that of the filters, and the decision of a later one takes those of earlier ones along', () => {
    const mta = opened(
      compose(
        on('eom', () => addHeader('A', '1')),
        on('eom', ({ modifications }) => {
          expect(modifications).toEqual([addHeader('A', '1')]);
          return [addHeader('B', '2'), accept()];
        }),
        on('eom', () => addHeader('C', '3')),
      ),
    );
    expect(mta.ask('C26')).toEqual(said(frame('h', 'A\x001\0'), frame('h', 'B\x002\0'), 'R04'));
  });
});

describe('what is written', () => {
  it('is written at once: one write for the whole answer', () => {
    const mta = opened(on('eom', () => [addHeader('X-Test', 'yes'), replaceBody('New body\r\n'), accept()]));
    const before = mta.io.writes.length;
    expect(mta.ask('C26')).toEqual(said('R16', 'R30', 'R04'));
    expect(mta.io.writes).toHaveLength(before + 1);
  });

  it('is written at once when it comes later, too', async () => {
    const mta = opened(
      on('eom', () => Promise.resolve([addHeader('X-Test', 'yes'), replaceBody('New body\r\n')])),
    );
    const before = mta.io.writes.length;
    mta.send('C26');
    await new Promise((resolve) => setImmediate(resolve));
    expect(mta.heard()).toEqual(said('R16', 'R30', 'R03'));
    expect(mta.io.writes).toHaveLength(before + 1);
  });

  it.each([
    [0, ['0000000162']],
    [1, ['0000000262']],
    [65_534, ['0000ffff62']],
    [65_535, ['0001000062']],
    [65_536, ['0001000062', '0000000262']],
    [131_070, ['0001000062', '0001000062']],
    [131_071, ['0001000062', '0001000062', '0000000262']],
  ])('of a body of %i bytes is cut at 65535', (length, heads) => {
    const body = Buffer.alloc(length, 'x');
    const heard = written(replaceBody(body));
    expect(heard.at(-1)).toBe(said('R03')[0]);
    const frames = heard.slice(0, -1);
    expect(frames.map((one) => one.slice(0, 10))).toEqual(heads);
    expect(frames.map((one) => one.slice(10)).join('')).toBe(body.toString('hex'));
  });

  it.each([
    ['allow', allow(), ['R16', 'R03']],
    ['accept', accept(), ['R16', 'R04']],
    ['reject', reject(), ['R05']],
    ['tempfail', tempfail(), ['R06']],
    ['discard', discard(), ['R07']],
  ] as const)('depends on the decision: %s', (_what, decision, ids) => {
    expect(opened(on('eom', () => [addHeader('X-Test', 'yes'), decision])).ask('C26')).toEqual(said(...ids));
  });

  it('is nothing of a message that a later filter refuses', () => {
    const mta = opened(
      compose(
        on('eom', () => [addHeader('X-Test', 'yes'), replaceBody('New body\r\n')]),
        on('eom', () => reject()),
      ),
    );
    expect(mta.ask('C26')).toEqual(said('R05'));
    expect(mta.outcomes.at(-1)).toMatchObject({ stage: 'eom', decision: reject(), modifications: [] });
  });

  it('is told in the outcome', () => {
    const mta = opened(on('eom', () => [addHeader('X-Test', 'yes'), accept()]));
    mta.send('C26');
    expect(mta.outcomes).toEqual([
      {
        session: mta.session.info,
        stage: 'eom',
        decision: accept(),
        modifications: [addHeader('X-Test', 'yes')],
        skipped: [],
        elapsed: expect.any(Number),
        rounds: 1,
        bytes: 0,
        error: undefined,
      },
    ]);
  });
});

describe('a right that was not granted', () => {
  it.each<[string, Modification, number]>([
    ['ADDHDRS', addHeader('X', '1'), 0x1],
    ['ADDHDRS', insertHeader('top', 'X', '1'), 0x1],
    ['CHGBODY', replaceBody('x'), 0x2],
    ['ADDRCPT', addRecipient('a@b'), 0x84],
    ['ADDRCPT_PAR', addRecipient('a@b', ['NOTIFY=NEVER']), 0x80],
    ['DELRCPT', deleteRecipient('a@b'), 0x8],
    ['CHGHDRS', changeHeader('X', '1'), 0x10],
    ['CHGHDRS', deleteHeader('X'), 0x10],
    ['QUARANTINE', quarantine('why'), 0x20],
    ['CHGFROM', changeSender('a@b'), 0x40],
  ])('%s costs the message, is named, and nothing is written', (right, modification, bit) => {
    const { mta, heard } = withRights(0x1ff & ~bit, addHeader('X-Test', 'yes'), modification);
    expect(heard).toEqual(said('R06'));
    expect(mta.errors).toEqual([expect.any(UngrantedError)]);
    expect(mta.errors[0]?.message).toContain(
      right === 'ADDHDRS'
        ? 'addHeader needs the right ADDHDRS'
        : `${modification.kind} needs the right ${right}`,
    );
    expect(mta.outcomes.at(-1)).toMatchObject({ stage: 'eom', decision: tempfail(), modifications: [] });
    expect(mta.io.state).toBe('open');
    if (bit !== 0x84) expect(withRights(bit, modification).heard.at(-1)).toEqual(said('R03')[0]);
  });

  it('gets the configured failure decision', () => {
    const mta = link(
      on('eom', () => addHeader('X', '1')),
      { rights: [], failure: reject() },
    );
    mta.ask('C01');
    expect(mta.ask('C26')).toEqual(said('R05'));
  });
});

describe('what would break the message or SMTP', () => {
  const bad: [Modification['kind'], string, () => unknown][] = [
    ['addHeader', 'a header name with a colon', () => addHeader('X:', 'a')],
    ['addHeader', 'a header name with LF', () => addHeader('X\n', 'a')],
    ['insertHeader', 'a header name with a blank', () => insertHeader('top', 'X Y', 'a')],
    ['changeHeader', 'an empty header name', () => changeHeader('', 'a')],
    ['addHeader', 'a header name that is no ASCII', () => addHeader('Größe', 'a')],
    ['changeHeader', 'index 0', () => changeHeader('Subject', 'x', 0)],
    ['deleteHeader', 'a negative index', () => deleteHeader('Subject', -1)],
    ['deleteHeader', 'an index of 2^31', () => deleteHeader('Subject', 0x80000000)],
    ['insertHeader', 'a position of 0', () => insertHeader(0, 'X', '1')],
    ['addRecipient', 'an address with CRLF', () => addRecipient('a@b>\r\nRCPT TO:<c@d')],
    ['deleteRecipient', 'an address with NUL', () => deleteRecipient('a@b\0')],
    ['changeSender', 'an address with a blank', () => changeSender('a@b SIZE=1')],
    ['addRecipient', 'an address with brackets within', () => addRecipient('a@b>,<c@d')],
    ['addRecipient', 'no address', () => addRecipient('')],
    ['addRecipient', 'an argument with a blank', () => addRecipient('a@b', ['NOTIFY=NEVER ORCPT=x'])],
    ['changeSender', 'an argument with NUL', () => changeSender('a@b', ['RET=HDRS\0'])],
    ['addRecipient', 'an empty argument', () => addRecipient('a@b', [''])],
    ['addRecipient', 'arguments in one text', () => addRecipient('a@b', 'NOTIFY=NEVER' as never)],
    ['quarantine', 'an empty quarantine reason', () => quarantine('')],
    ['replaceBody', 'a body of a number', () => replaceBody(1 as never)],
  ];

  it.each(bad)('%s: %s is refused, by an error that names the modification', (kind, _what, make) => {
    expect(make).toThrow(AnswerError);
    expect(make).toThrow(new RegExp(`^${kind}\\b`));
    const mta = opened(on('eom', () => [addHeader('X-Test', 'yes'), make() as Modification]));
    expect(mta.ask('C26')).toEqual(said('R06'));
    expect(mta.errors).toEqual([expect.any(AnswerError)]);
  });

  it.each<[string, unknown]>([
    ['a header name', { kind: 'insertHeader', position: 'top', name: 'X: y\nZ', value: '' }],
    ['a position', { kind: 'insertHeader', position: -1, name: 'X', value: '' }],
    ['an index', { kind: 'changeHeader', index: 1.5, name: 'X', value: '' }],
    ['an index of a deletion', { kind: 'deleteHeader', index: NaN, name: 'X' }],
    ['a recipient', { kind: 'addRecipient', address: 'a\r\nb', args: [] }],
    ['arguments', { kind: 'addRecipient', address: 'a@b', args: ['\n'] }],
    ['no arguments', { kind: 'changeSender', address: 'a@b' }],
    ['a reason', { kind: 'quarantine', reason: '\r\n' }],
    ['a body', { kind: 'replaceBody', body: { a: 1 } }],
    ['nothing that there is', { kind: 'dropTable' }],
  ])('%s is refused as well in an object that was written by hand', (what, given) => {
    const mta = opened(on('eom', () => [addHeader('X-Test', 'yes'), given as Modification]));
    const heard = mta.ask('C26');
    if (what === 'no arguments') return expect(heard.at(-1)).toMatch(/(63|74)$/);
    expect(heard).toEqual(said('R06'));
    expect(mta.errors).toEqual([expect.any(AnswerError)]);
  });

  it.each<[string, () => unknown, RegExp, string]>([
    [
      'a header value with LF',
      () => addHeader('X', 'a\nBcc: b@c'),
      /^addHeader X: .* a line break/,
      'X\0a Bcc: b@c\0',
    ],
    ['with CR', () => addHeader('X', 'a\rb'), /a bare CR/, 'X\0a b\0'],
    ['with CRLF and no blank', () => addHeader('X', 'a\r\nb'), /a line break/, 'X\0a b\0'],
    ['with NUL', () => addHeader('X', 'a\0b'), /NUL/, 'X\0a b\0'],
    ['that ends with LF', () => addHeader('X', 'a\n'), /a line break/, 'X\0a \0'],
    ['in bytes with LF', () => addHeader('X', latin1('a\nb')), /a line break/, 'X\0a b\0'],
    ['by hand', () => ({ kind: 'addHeader', name: 'X', value: 'a\nb' }), /a line break/, 'X\0a b\0'],
  ])('%s is mended, sent and told', (_what, make, message, data) => {
    const mta = opened(on('eom', () => make() as Modification));
    expect(mta.ask('C26')).toEqual(said(frame('h', data), 'R03'));
    expect(mta.errors).toEqual([expect.any(AnswerError)]);
    expect(mta.errors[0]?.message).toMatch(message);
  });

  it.each<[string, () => unknown]>([
    ['LF', () => quarantine('a\nb')],
    ['NUL in bytes', () => quarantine(latin1('a\0b'))],
    ['CRLF by hand', () => ({ kind: 'quarantine', reason: 'a\r\nb' })],
  ])('a quarantine reason with %s is mended, and holds the message', (_what, make) => {
    const mta = opened(on('eom', () => make() as Modification));
    expect(mta.ask('C26')).toEqual(said(frame('q', 'a b\0'), 'R03'));
    expect(mta.errors).toEqual([expect.any(AnswerError)]);
  });

  it('a quarantine reason of a blank is one', () => {
    const mta = opened(on('eom', () => quarantine(' ')));
    expect([mta.ask('C26'), mta.errors]).toEqual([said(frame('q', ' \0'), 'R03'), []]);
  });

  it('a header of more than a frame can hold costs the message', () => {
    const mta = opened(on('eom', () => addHeader('X', 'x'.repeat(65_532))));
    expect(mta.ask('C26')).toHaveLength(2);
    const over = opened(on('eom', () => addHeader('X', 'x'.repeat(65_533))));
    expect(over.ask('C26')).toEqual(said('R06'));
    expect(over.errors[0]?.message).toMatch(/65536 bytes; 65535 is the limit/);
  });
});

it.each(['connect', 'helo', 'mail', 'rcpt', 'data', 'header', 'eoh', 'body', 'unknown'] as const)(
  'a modification at %s is refused',
  (stage) => {
    const ids = {
      connect: 'C03',
      helo: 'C10',
      mail: 'C12',
      rcpt: 'C16',
      data: 'C18',
      header: 'C19',
      eoh: 'C24',
      body: 'C25',
      unknown: 'C31',
    };
    const mta = opened(on(stage, () => addHeader('X', '1') as never));
    expect(mta.ask(ids[stage])).toEqual(said('R06'));
    expect(mta.errors).toEqual([expect.any(AnswerError)]);
    expect(mta.ask('C26')).toEqual(said('R03'));
  },
);

it('a body whose source reads each piece into the same buffer is written as it was given', async () => {
  const mta = opened(
    on('eom', () =>
      replaceBody(
        (async function* () {
          const buffer = Buffer.alloc(3);
          for (const text of ['abc', 'def']) {
            buffer.write(await Promise.resolve(text));
            yield buffer;
          }
        })(),
      ),
    ),
  );
  mta.send('C26');
  await new Promise((resolve) => setTimeout(resolve, 10));
  expect(mta.heard()).toEqual(said(frame('b', 'abcdef'), 'R03'));
});
