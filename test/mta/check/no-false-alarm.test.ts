import { parseEml, check, type CheckFinding } from 'rxmilter/mta';
import { describe, expect, test } from 'vitest';

import { mtaRequired } from '../support/requirements.js';
import { OTHER_MILTERS, startMilter } from './milters.js';

type Found = [rule: string, severity: CheckFinding['severity'], ...dialogues: string[]];

const MADDY = 'a message as maddy gives it';
const OLD = [
  'an offer of Sendmail 8.13 (version 2)',
  ...[2, 3, 4].map((one) => `an offer of Postfix with milter_protocol = ${one}`),
];

/** Nothing but what is true: a filter whose needs are not offered is of no use there. */
const EXPECTED: Record<keyof typeof OTHER_MILTERS, Found[]> = {
  // It asks for CHGFROM, ADDRCPT_PAR and more, and libmilter closes where an action is not offered.
  'a filter in C on libmilter, as libmilter negotiates': [['offer-refused', 'warning', MADDY, OLD[0] ?? '']],
  'a filter in C on libmilter that takes all options': [],
  'a filter in C on libmilter that only looks at most events': [],
  'a filter in Python on pymilter': [],
  // It cannot do without CHGHDRS.
  OpenDKIM: [['offer-refused', 'warning', MADDY]],
  'clamav-milter': [['offer-refused', 'warning', MADDY]],
  // libserver/milter.c answers `actions | its own` and all no-reply flags, whatever the offer is, and takes version 6 only.
  // Stalwart and maddy do as they are told.
  rspamd: [
    ['answer-actions', 'warning', MADDY, 'an offer of one right'],
    ['answer-flags', 'warning', MADDY, 'a message as Stalwart gives it', 'an offer of no features'],
    ['offer-refused', 'warning', ...OLD],
  ],
};

/** Instructions for the filter in C, a virus for the scanner, and a mail for the others. */
const MAILS = [
  'do{rcpt:reject:550:5.7.1:100% closed}',
  'do{eom:add:X-A:b;eom:change:1:Subject:new;eom:addrcpt:<c@example.org>;eom:body:text;eom:quarantine:held}',
  'do{body:tempfail:451:4.7.1:one:two;header:continue}',
].map((subject) => `From: a@example.com\nTo: b@example.org\nSubject: ${subject}\n\nHello\n`);
const EICAR = ['X5O!P%@AP[4\\PZX54(P^)7CC)7}$', 'EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*'].join('');
MAILS.push(
  `From: a@example.com\nTo: b@example.org\nSubject: x\nContent-Type: application/octet-stream\n\n${EICAR}\n`,
);

describe.each(Object.entries(OTHER_MILTERS))('check(), with %s,', (name, milter) => {
  const missing = milter.missing();
  if (missing !== undefined) console.warn(`SKIPPED: check() is not tried with ${name}: ${missing}`);

  test.skipIf(missing !== undefined && !mtaRequired())(
    'finds nothing but what is true',
    { timeout: 180_000 },
    async () => {
      expect(missing).toBeUndefined();
      await using running = await startMilter(milter);
      const mails = MAILS.map((text) => ({
        sender: 'a@example.com',
        recipients: ['b@example.org'],
        ...parseEml(text),
      }));
      const { findings, replies } = await check(running.address, { mails });
      const found = findings.map(({ rule, severity, dialogue, also }) => [
        rule,
        severity,
        dialogue,
        ...also.map((one) => one.dialogue).filter((one) => !one.startsWith('mail ')),
      ]);
      expect(found).toEqual(EXPECTED[name as keyof typeof OTHER_MILTERS]);
      expect(replies.eom).toBeGreaterThan(40);
    },
  );
});
