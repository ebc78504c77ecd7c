import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { of } from 'rxjs';
import type { Filter, SessionOptions } from 'rxmilter';
import { check } from 'rxmilter/mta';
import { describe, expect, onTestFinished, test } from 'vitest';

import { archive, inDirectory } from '../../examples/archive.mjs';
import { attachmentPolicy } from '../../examples/attachment-policy.mjs';
import { filterWith as authenticationResults } from '../../examples/authentication-results.mjs';
import { refuseBlocked } from '../../examples/blocklist-redis.mjs';
import { filterWith as dkimSigning } from '../../examples/dkim-signing.mjs';
import { externalSubject } from '../../examples/external-subject.mjs';
import { rateLimits } from '../../examples/rate-limits.mjs';
import { directoryOf, recipientValidation } from '../../examples/recipient-validation.mjs';
import { parseRules, senderRules } from '../../examples/reloading-rules.mjs';
import { refuseClosed } from '../../examples/subject-nats.mjs';
import tagging from '../../examples/tagging.mjs';
import { dnsTable } from './support/dns-table.js';

const { privateKey } = generateKeyPairSync('ed25519', {
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  publicKeyEncoding: { type: 'spki', format: 'pem' },
});
const SPACED: SessionOptions = { leadingSpace: true };

function directory(): string {
  const path = mkdtempSync(join(tmpdir(), 'rxmilter-check-'));
  onTestFinished(() => rmSync(path, { recursive: true }));
  return path;
}

describe('check() finds nothing wrong with the example', () => {
  test.each<[string, () => Filter, SessionOptions?]>([
    ['tagging, that of the README', () => tagging],
    ['archive', () => archive(inDirectory(directory())), SPACED],
    ['attachment-policy', () => attachmentPolicy()],
    [
      'authentication-results',
      () => authenticationResults({ authservId: 'mx.example.org', resolver: dnsTable({}) }),
      SPACED,
    ],
    ['blocklist-redis', () => refuseBlocked(of(new Set(['sender-k7anna@example.com'])))],
    ['dkim-signing', () => dkimSigning({ domain: 'example.com', selector: 's', privateKey }), SPACED],
    ['external-subject', () => externalSubject()],
    ['rate-limits', () => rateLimits().filter],
    [
      'recipient-validation',
      () => recipientValidation(directoryOf(['rcpt@example.org']), { domains: ['example.org'] }),
    ],
    ['reloading-rules', () => senderRules(parseRules('reject @example.com No\n', 'rules.txt'))],
    ['subject-nats', () => refuseClosed(of(new Set(['rcpt-k7anna@example.org'])))],
  ])('%s', async (_name, make, session = {}) => {
    const { findings, dialogues } = await check(make(), { session });
    expect(findings).toEqual([]);
    expect(dialogues.filter(({ result }) => result === 'broken')).toEqual([]);
  });
});
