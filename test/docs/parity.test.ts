import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { SMFIF, SMFIP } from 'rxmilter';
import { describe, expect, test } from 'vitest';

import { ROOT, readPage } from './support/markdown.js';
import { titlesOf } from './support/titles-of.js';

const HEADERS = ['/usr/include/libmilter/mfapi.h', '/usr/include/libmilter/mfdef.h'];
const installed = HEADERS.every((path) => existsSync(path));
if (!installed)
  console.info('The header files of libmilter are not installed: its names are not compared with them.');

/** What libmilter 8.17 has, whichever way it is built. */
const NAMES = {
  smfi_:
    'opensocket register main setbacklog setdbg settimeout setconn stop setmaxdatasize version getsymval setreply ' +
    'setmlreply addheader chgheader insheader chgfrom addrcpt addrcpt_par delrcpt progress replacebody quarantine ' +
    'setpriv getpriv setsymlist set_max_exec_time',
  xxfi_:
    'name version flags connect helo envfrom envrcpt header eoh body eom abort close unknown data negotiate signal',
  SMFIS_: 'CONTINUE REJECT DISCARD ACCEPT TEMPFAIL NOREPLY SKIP ALL_OPTS',
  SMFIF_: 'NONE ADDHDRS CHGBODY MODBODY ADDRCPT DELRCPT CHGHDRS QUARANTINE CHGFROM ADDRCPT_PAR SETSYMLIST',
  SMFIP_:
    'NOCONNECT NOHELO NOMAIL NORCPT NOBODY NOHDRS NOEOH NR_HDR NOHREPL NOUNKNOWN NODATA SKIP RCPT_REJ NR_CONN NR_HELO ' +
    'NR_MAIL NR_RCPT NR_DATA NR_UNKN NR_EOH NR_BODY HDR_LEADSPC MDS_256K MDS_1M TEST',
} as const;
const ALL = Object.entries(NAMES).flatMap(([prefix, names]) => names.split(' ').map((name) => prefix + name));
/** What node-milter exports, what its callbacks are called, and what an `env` has. */
const NODE_MILTER = (
  'start negotiate connect unknown helo mailfrom rcptto data header eoh segment eom abort close done local ' +
  'SMFIS_ALL_OPTS SMFIS_CONTINUE SMFIS_REJECT SMFIS_DISCARD SMFIS_ACCEPT SMFIS_TEMPFAIL SMFIS_NOREPLY SMFIS_SKIP ' +
  'addheader chgheader insheader replacebody addrcpt addrcpt_par delrcpt chgfrom quarantine progress setsymlist ' +
  'getsymval setreply setmlreply setbacklog settimeout setdbg stop version'
).split(' ');
/** What milterjs exports, its events, and what a `ctx` has. */
const MILTERJS = (
  'on listen connect helo envfrom envrcpt data header eoh body eom abort close unknown error version macros uniqueID ' +
  'continue accept reject discard tempfail replycode progress quarantine addheader chgheader addrcpt delrcpt ' +
  'replacebody setsender'
).split(' ');

interface Row {
  readonly section: string;
  readonly theirs: string;
  readonly here: string;
  readonly differs: string;
  readonly title: string;
}

/** The rows of all tables of the page. */
function rows(): Row[] {
  let section = '';
  return readPage('docs/parity.md')
    .split('\n')
    .flatMap((line) => {
      section = /^## (.*)/.exec(line)?.[1] ?? section;
      if (!line.startsWith('|') || /^\| (Theirs |-)/.test(line)) return [];
      const [theirs = '', here = '', differs = '', title = '', ...rest] = line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim());
      expect([line, rest]).toEqual([line, []]);
      return [{ section, theirs, here, differs, title }];
    });
}

const TITLES = readdirSync(`${ROOT}test/parity`)
  .filter((name) => name.endsWith('.test.ts'))
  .flatMap((name) => titlesOf(`test/parity/${name}`));

describe('the tables of docs/parity.md', () => {
  test('have rows for all three libraries', () => {
    const count = (of: string): number => rows().filter(({ section }) => section === of).length;
    expect(count('libmilter')).toBeGreaterThan(100);
    expect(count('node-milter')).toBeGreaterThan(40);
    expect(count('milterjs')).toBeGreaterThan(30);
  });

  test('name a test that there is in every row', () => {
    expect(rows().filter(({ title }) => !TITLES.includes(title))).toEqual([]);
  });

  test('leave out no test of test/parity', () => {
    const named = new Set(rows().map(({ title }) => title));
    expect(TITLES.filter((title) => !named.has(title))).toEqual([]);
  });

  test('can tell the tests apart: no two have the same title', () => {
    expect(TITLES.filter((title, at) => TITLES.indexOf(title) !== at)).toEqual([]);
  });

  test('say what to do, and why where there is nothing to do', () => {
    const silent = rows().filter(({ here, differs }) => here === '' || (here === 'none' && differs === ''));
    expect(silent).toEqual([]);
  });

  test.each([
    ['libmilter', ALL],
    ['node-milter', NODE_MILTER],
    ['milterjs', MILTERJS],
  ])('have every name of %s in its section', (library, names) => {
    const named = new Set(
      rows()
        .filter(({ section }) => section === library)
        .flatMap(({ theirs }) => theirs.match(/\w+/g) ?? []),
    );
    expect(names.filter((name) => !named.has(name))).toEqual([]);
  });

  test.skipIf(!installed)('have the names that the header files of libmilter have, and no others', () => {
    const text = HEADERS.map((path) => readFileSync(path, 'utf8')).join('\n');
    const found = new Set(text.match(/\b(?:smfi_[a-z_]+|xxfi_[a-z]+|SMFI[SFP]_[A-Z][A-Z0-9_]*)\b/g));
    // A type of the header, and no call.
    found.delete('smfi_str');
    expect([...found].sort()).toEqual([...ALL].sort());
  });

  test.skipIf(!installed)('are about flags that have the values of libmilter', () => {
    const text = HEADERS.map((path) => readFileSync(path, 'utf8')).join('\n');
    const values = (prefix: string): Record<string, number> =>
      Object.fromEntries(
        [...text.matchAll(new RegExp(`define\\s+${prefix}_(\\w+)\\s+(0x[0-9a-f]+)L`, 'gi'))].map(
          ([, name = '', value]) => [name, Number(value)],
        ),
      );
    const { NONE: _none, ...actions } = values('SMFIF');
    const { MDS_256K: _quarter, MDS_1M: _one, TEST: _test, ...flags } = values('SMFIP');
    expect(actions).toEqual(SMFIF);
    expect(flags).toEqual(SMFIP);
  });
});
