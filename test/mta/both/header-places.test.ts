import {
  addHeader,
  changeHeader,
  compose,
  deleteHeader,
  insertHeader,
  observe,
  on,
  type Modification,
} from 'rxmilter';
import { expect, test } from 'vitest';

import { describeMtas } from '../support/describe-mtas.js';
import { maskReceived, RECEIVED } from '../support/mask-received.js';

const FROM = 'From: Alice <alice@src.example>\r\n';
const ONE = 'X-One: 1\r\n';
const DATE = 'Date: Mon, 1 Jan 2024 00:00:00 +0000\r\n';
const TWO = 'X-Two: 2\r\n';
const ID = 'Message-Id: <one@src.example>\r\n';
const THREE = 'X-One: 3\r\n';
/** With those that Sendmail would make, so that there are no others, and these where they please. */
const CLIENT = [FROM, ONE, DATE, TWO, ID, THREE];

function header(name: string, value: string): string {
  return `${name}: ${value}\r\n`;
}

const NEW = header('X-New', 'yes');

/** The client's headers with one more before the n-th. */
function before(n: number): string[] {
  return [RECEIVED, ...CLIENT.slice(0, n - 1), NEW, ...CLIENT.slice(n - 1)];
}

/** What is asked for, and the headers that come out. */
const CASES: readonly (readonly [string, () => Modification[], readonly string[]])[] = [
  ['the top', () => [insertHeader('top', 'X-New', 'yes')], [NEW, RECEIVED, ...CLIENT]],
  ...[1, 2, 3, 4, 5, 6, 7].map(
    (n) => [`before number ${n}`, () => [insertHeader(n, 'X-New', 'yes')], before(n)] as const,
  ),
  ['a place far beyond the last', () => [insertHeader(100, 'X-New', 'yes')], [RECEIVED, ...CLIENT, NEW]],
  ['the bottom', () => [insertHeader('bottom', 'X-New', 'yes')], [RECEIVED, ...CLIENT, NEW]],
  [
    'several places, whatever comes first',
    () => [
      insertHeader(4, 'B', '1'),
      insertHeader(2, 'A', '1'),
      insertHeader(4, 'B', '2'),
      insertHeader('top', 'T', '1'),
      insertHeader('bottom', 'Z', '1'),
      insertHeader(1, 'X-New', 'yes'),
    ],
    [
      header('T', '1'),
      RECEIVED,
      NEW,
      FROM,
      header('A', '1'),
      ONE,
      DATE,
      header('B', '1'),
      header('B', '2'),
      TWO,
      ID,
      THREE,
      header('Z', '1'),
    ],
  ],
  [
    'a place below headers that are changed and deleted',
    () => [
      insertHeader(5, 'X-New', 'yes'),
      deleteHeader('X-One', 1),
      deleteHeader('From'),
      changeHeader('X-Two', '22'),
    ],
    [RECEIVED, DATE, header('X-Two', '22'), NEW, ID, THREE],
  ],
];

describeMtas('the place of a header', (bench) => {
  test.each(CASES)('is the same on both MTAs: %s', async (_what, modifications, headers) => {
    await bench().serve(on('eom', modifications));
    const data = `${CLIENT.join('')}\r\nBody.\r\n`;
    expect(await (await bench().greeted()).deliver({ data })).toMatch(/^250 /);
    expect(maskReceived((await bench().sink.next()).data)).toBe(`${headers.join('')}\r\nBody.\r\n`);
  });
});

const MANY = header('X-Many', 'one');

describeMtas('headers that are added', (bench) => {
  test.each<[string, () => Modification[], readonly string[]]>([
    [
      'two of a new name',
      () => [addHeader('X-New', 'a'), addHeader('X-New', 'b')],
      [MANY, FROM, header('X-New', 'a'), header('X-New', 'b')],
    ],
    [
      'two of a name that is there',
      () => [addHeader('X-Many', 'a'), addHeader('x-many', 'b')],
      [MANY, FROM, header('X-Many', 'a'), header('x-many', 'b')],
    ],
    [
      'one after one that is inserted at the bottom',
      () => [
        insertHeader('bottom', 'X-Many', 'a'),
        addHeader('X-Many', 'b'),
        insertHeader('bottom', 'X-Many', 'c'),
      ],
      [MANY, FROM, header('X-Many', 'a'), header('X-Many', 'b'), header('X-Many', 'c')],
    ],
    [
      'one in the place of one that is deleted',
      () => [deleteHeader('X-Many'), addHeader('X-Many', 'a'), addHeader('X-Many', 'b')],
      [FROM, header('X-Many', 'a'), header('X-Many', 'b')],
    ],
  ])(
    'stand at the end, in the order of the filter, on both MTAs: %s',
    async (_what, modifications, headers) => {
      await bench().serve(on('eom', modifications));
      const rest = [DATE, ID];
      const data = `${[MANY, FROM, ...rest].join('')}\r\n`;
      expect(await (await bench().greeted()).deliver({ data })).toMatch(/^250 /);
      const expected = [
        ...headers.slice(0, headers.indexOf(FROM) + 1),
        ...rest,
        ...headers.slice(headers.indexOf(FROM) + 1),
      ];
      expect(maskReceived((await bench().sink.next()).data)).toBe(`${RECEIVED}${expected.join('')}\r\n`);
    },
  );

  test.each(['Date', 'Message-Id'])('are the only %s where the client has sent none', async (name) => {
    let seen = 0;
    await bench().serve(
      compose(
        observe('header', (one) => void (seen += one.name === name ? 1 : 0)),
        on('eom', () => addHeader(name, 'Mon, 1 Jan 2024 00:00:00 +0000')),
      ),
    );
    expect(await (await bench().greeted()).deliver({ data: `${FROM}\r\n` })).toMatch(/^250 /);
    const found = maskReceived((await bench().sink.next()).data).match(new RegExp(`^${name}: .*$`, 'gim'));
    expect([seen, found]).toEqual([0, [`${name}: Mon, 1 Jan 2024 00:00:00 +0000`]]);
  });
});
