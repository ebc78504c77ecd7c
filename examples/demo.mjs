// @ts-check
import { fileURLToPath } from 'node:url';
import { serve } from 'rxmilter';
import { deliver, describeMessage, formatReply } from 'rxmilter/mta';

import { MAILS } from './demo-mails.mjs';
import filter, { closed } from './tagging.mjs';

/** @typedef {import('rxmilter/mta').Delivery} Delivery */
/** @typedef {import('rxmilter/mta').ClientMail} ClientMail */

const CODES = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 };

/**
 * Serves the filter of tagging.mjs on a free port, gives it a handful of mails as an MTA would, and shows what was said
 * and what became of them.
 *
 * @param {{ write: (text: string) => void, color: boolean }} out
 * @returns {Promise<number>} how much went otherwise than it should
 */
export async function demo({ write, color }) {
  /** @type {(style: keyof typeof CODES, text: string) => string} */
  const paint = (style, text) => (color ? `\u001b[${CODES[style]}m${text}\u001b[0m` : text);
  const say = (text = '') => write(`${text}\n`);
  let wrong = 0;
  const complain = (/** @type {string} */ text) => {
    wrong++;
    say(paint('red', `  wrong: ${text}`));
  };

  const server = await serve(filter, {
    listen: 'inet:0@127.0.0.1',
    onError: (error) => complain(error.message),
  });
  try {
    say(`The milter of examples/tagging.mjs is listening on ${paint('bold', server.address)}.`);
    for (const [at, { title, mail, outcome, open }] of MAILS.entries()) {
      closed.next(new Set(open ? [] : ['sales@example.org']));
      say(`\n${paint('bold', `${at + 1}. ${title}`)}`);
      const delivery = await deliver(mail, { to: server.address, hostname: 'mx.example.org' });
      for (const line of conversation(delivery, paint, at === 0)) say(line);
      for (const line of becameOf(mail, delivery, paint)) say(line);
      if (delivery.failure) complain(delivery.failure.message);
      if (delivery.outcome !== outcome) complain(`it was to be ${outcome}`);
    }
  } finally {
    closed.next(new Set(['sales@example.org']));
    await server.close();
  }
  say();
  say(
    wrong === 0
      ? paint('green', `All ${MAILS.length} mails fared as they should.`)
      : paint('red', `${wrong} things went wrong.`),
  );
  return wrong;
}

/**
 * What the MTA said to the milter, and the milter to that; macros are left out.
 *
 * @param {Delivery} delivery
 * @param {(style: keyof typeof CODES, text: string) => string} paint
 * @param {boolean} negotiation whether to show how they agreed
 */
function conversation({ transcript }, paint, negotiation) {
  return transcript
    .filter(({ sent }) => sent.some(({ type }) => type !== 'macro' && (negotiation || type !== 'optneg')))
    .flatMap(({ sent, received }) => [
      ...sent
        .filter(({ type }) => type !== 'macro')
        .map((one) => `  ${paint('cyan', '>')} ${describeMessage(one)}`),
      ...received.map((one) => `    ${paint('yellow', '<')} ${describeMessage(one)}`),
    ]);
}

/**
 * What the SMTP client was told, and how the mail differs from what came.
 *
 * @param {ClientMail} mail
 * @param {Delivery} delivery
 * @param {(style: keyof typeof CODES, text: string) => string} paint
 */
function becameOf(mail, delivery, paint) {
  const { outcome, steps, reply, recipients, quarantined, headers } = delivery;
  const refused = steps.filter((step) => step.command === 'rcpt' && step.reply.code >= 400);
  const before = (mail.headers ?? []).map(([name, value]) => `${name}: ${value}`);
  const after = headers.slice(1).map(({ name, value }) => `${name}: ${value}`);
  const style = outcome === 'delivered' ? 'green' : outcome === 'quarantined' ? 'yellow' : 'red';
  const lines = [`  ${paint(style, `= ${outcome}`)}: ${formatReply(reply)}`];
  for (const { address, reply } of refused) lines.push(`    not to ${address}: ${formatReply(reply)}`);
  if (quarantined !== undefined) lines.push(`    held because ${quarantined}`);
  if (outcome === 'delivered' || outcome === 'quarantined') {
    lines.push(`    to ${recipients.map(({ address }) => address).join(', ')}`);
    for (const field of before) if (!after.includes(field)) lines.push(`    ${paint('red', `- ${field}`)}`);
    for (const field of after) if (!before.includes(field)) lines.push(`    ${paint('green', `+ ${field}`)}`);
  }
  return lines;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  // hasColors() is there on a terminal only, and minds NO_COLOR.
  const { stdout } = process;
  const color = stdout.isTTY && stdout.hasColors();
  const wrong = await demo({ write: (text) => void stdout.write(text), color });
  process.exitCode = wrong === 0 ? 0 : 1;
}
