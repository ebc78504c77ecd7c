import { createHash } from 'node:crypto';

/** What a mail server would tell a filter about one ordinary message: 12 headers, 2 KB in all, Postfix's macros. */

const MEBIBYTE = 1024 * 1024;
const MESSAGE_SIZE = 2048;

/** @type {readonly (readonly [name: string, value: string])[]} */
export const HEADERS = [
  [
    'Received',
    'from mail.example.org (mail.example.org [192.0.2.25])\n\tby mx.example.net (Postfix) with ESMTPS id 4F1C82A0B7\n\tfor <bob@example.net>; Fri, 20 Nov 2026 09:15:02 +0000 (UTC)',
  ],
  [
    'Received',
    'from [198.51.100.7] (client.example.org [198.51.100.7])\n\tby mail.example.org (Postfix) with ESMTPSA id 9D0E51C3F4;\n\tFri, 20 Nov 2026 09:15:01 +0000 (UTC)',
  ],
  [
    'DKIM-Signature',
    'v=1; a=rsa-sha256; c=relaxed/simple; d=example.org; s=mail;\n\tt=1795166101; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=;\n\th=Date:From:To:Subject; b=TQ0n1sG7rM3vQ8kP2wXyZ5aB4cD6eF9hJ0lN1oR2tU3',
  ],
  ['Date', 'Fri, 20 Nov 2026 10:15:00 +0100'],
  ['From', 'Alice Example <alice@example.org>'],
  ['To', 'Bob Example <bob@example.net>'],
  ['Subject', 'Minutes of the meeting on Thursday, second draft'],
  ['Message-ID', '<8f14e45f-ceea-467f-a0e6-1b2c3d4e5f60@example.org>'],
  ['MIME-Version', '1.0'],
  ['Content-Type', 'text/plain; charset=utf-8; format=flowed'],
  ['Content-Transfer-Encoding', '8bit'],
  ['User-Agent', 'Example Mail 128.4 (Linux x86_64)'],
];

const QUEUE_ID = { i: '7B3F02A51C' };

/** The macros that Postfix sends by default before each event. */
export const MACROS = {
  connect: {
    j: 'mx.example.net',
    '{daemon_name}': 'mx.example.net',
    '{daemon_addr}': '203.0.113.10',
    v: 'Postfix 3.7.11',
    _: 'mail.example.org [192.0.2.25]',
  },
  helo: { '{tls_version}': 'TLSv1.3', '{cipher}': 'TLS_AES_256_GCM_SHA384', '{cipher_bits}': '256' },
  mail: { '{mail_addr}': 'alice@example.org', '{mail_host}': 'example.org', '{mail_mailer}': 'smtp' },
  rcpt: { '{rcpt_host}': 'example.net', '{rcpt_mailer}': 'local' },
  data: QUEUE_ID,
  header: QUEUE_ID,
  eoh: QUEUE_ID,
  body: QUEUE_ID,
  eom: QUEUE_ID,
};

/** So many recipients. @param {number} count */
export const recipients = (count) =>
  Array.from({ length: count }, (_, at) => (at === 0 ? 'bob@example.net' : `user${at}@example.net`));

/** A header of so many fields; they are of the length of most beyond the first. @param {number} count */
export const fields = (count) =>
  Array.from(
    { length: count },
    (_, at) => HEADERS[at] ?? [`X-Field-${at}`, `value ${at} of a field that is there for its number`],
  );

/** @param {number} size */
export function text(size) {
  const line = 'Please find below what we agreed on, and tell me by Monday if a point is missing.\r\n';
  return Buffer.from(line.repeat(Math.ceil(size / line.length)).slice(0, size), 'latin1');
}

const headerSize = HEADERS.reduce((sum, [name, value]) => sum + name.length + value.length + 4, 0);

export const SMALL_BODY = text(MESSAGE_SIZE - headerSize - 2);
export const MEDIUM_BODY = text(MEBIBYTE);
export const LARGE_BODY = text(10 * MEBIBYTE);
export const LARGE_BODY_DIGEST = createHash('sha256').update(LARGE_BODY).digest('hex');

/**
 * @typedef {object} Mail
 * @property {readonly string[]} recipients
 * @property {readonly (readonly [name: string, value: string])[]} fields
 * @property {Buffer} body
 */

/** @type {Mail} */
export const ORDINARY = { recipients: recipients(1), fields: HEADERS, body: SMALL_BODY };
