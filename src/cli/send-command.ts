import { printableJson } from '../common/printable.js';
import { deliver } from '../mta/simulate/deliver.js';
import type { Delivery } from '../mta/simulate/delivery.js';
import type { ClientMail } from '../mta/simulate/mail.js';
import type { MtaSessionOptions } from '../mta/simulate/mta-session.js';
import type { EmlParts } from '../mta/simulate/parse-eml.js';
import { wireName } from '../session/negotiation/terms.js';
import { CommandError } from './command-error.js';
import type { Command } from './command.js';
import { deliveryJson } from './delivery-json.js';
import { envelopeOf, type Envelope } from './envelope-of.js';
import { messageDiff } from './message-diff.js';
import { offerOf } from './offer-of.js';
import { parseArguments } from './parse-arguments.js';
import { parseClient } from './parse-client.js';
import { parseMacros } from './parse-macros.js';
import { readInput } from './read-input.js';
import { readMessage } from './read-message.js';
import { reportDelivery } from './report-delivery.js';
import { SEND_HELP } from './send-help.js';
import type { Terminal } from './terminal.js';
import { traceLines } from './trace-lines.js';
import { UsageError } from './usage-error.js';

const OPTIONS = {
  to: { type: 'string' },
  from: { type: 'string' },
  rcpt: { type: 'string', multiple: true },
  helo: { type: 'string' },
  client: { type: 'string' },
  macro: { type: 'string', multiple: true },
  protocol: { type: 'string' },
  timeout: { type: 'string' },
  json: { type: 'boolean' },
  diff: { type: 'boolean' },
  trace: { type: 'boolean' },
  message: { type: 'boolean' },
} as const;

const STATUS: Readonly<Record<Delivery['outcome'], number>> = {
  delivered: 0,
  quarantined: 0,
  discarded: 0,
  abandoned: 0,
  refused: 3,
  deferred: 4,
};

/** Plays the MTA against a milter, with one message. */
export const sendCommand: Command = {
  name: 'send',
  summary: 'give a message to a milter as a mail server would, and show what it makes of it',
  help: SEND_HELP,
  async run(args, terminal) {
    const { values, positionals } = parseArguments(args, OPTIONS, ['MAIL.eml']);
    const { to, from, rcpt, helo, client, macro = [], protocol, timeout } = values;
    if (to === undefined) {
      throw new UsageError('--to is missing: say where the milter listens, as in --to inet:8891@127.0.0.1.');
    }
    const macros = parseMacros(macro);
    const how: Omit<MtaSessionOptions, 'to'> = {
      macros,
      ...(protocol === undefined ? {} : { offer: offerOf(protocol) }),
      ...(timeout === undefined ? {} : { timeouts: timeoutsOf(timeout) }),
    };
    const who = client === undefined ? undefined : parseClient(client);
    const [file = '-'] = positionals;
    const eml = readMessage(await readInput(file, terminal.io), file === '-' ? 'The standard input' : file);
    const envelope = envelopeOf(eml, from, rcpt);
    const mail: ClientMail = {
      ...eml,
      sender: envelope.sender,
      recipients: envelope.recipients,
      macros,
      ...(who === undefined ? {} : { client: who }),
      ...(helo === undefined ? {} : { helo }),
    };
    const delivery = await deliver(mail, { ...how, to }).catch(unsendable);
    if (values.json === true) terminal.line(printableJson(deliveryJson(delivery), 2));
    else show(delivery, { eml, envelope }, values, terminal);
    noteUnsent(delivery, macros, terminal);
    return delivery.failure === undefined ? STATUS[delivery.outcome] : 1;
  },
};

/** The message is the user's, so that what is too large in it is told as such. */
function unsendable(error: unknown): never {
  if (!(error instanceof RangeError)) throw error;
  throw new CommandError(`the message cannot be given to the milter. ${error.message}`, { cause: error });
}

function show(
  delivery: Delivery,
  { eml, envelope }: { readonly eml: EmlParts; readonly envelope: Envelope },
  wanted: Readonly<Partial<Record<'trace' | 'diff' | 'message', boolean | undefined>>>,
  terminal: Terminal,
): void {
  const { failure, transcript, message } = delivery;
  if (wanted.trace === true && transcript.length > 0) {
    terminal.line(terminal.paint('title', 'Wire'));
    for (const line of traceLines(transcript)) terminal.line(`  ${line}`);
  }
  // Of a milter that was never there nothing is to be told but that.
  if (transcript.length > 0) reportDelivery(delivery, { envelope, bodyBytes: eml.body.length }, terminal);
  if (failure !== undefined) terminal.note(`rxmilter send: ${failure.message}`);
  if (transcript.length === 0) return;
  if (wanted.diff === true) {
    terminal.line(terminal.paint('title', 'Difference'));
    for (const line of messageDiff(eml, delivery)) {
      const mood = line.startsWith('+') ? 'good' : line.startsWith('-') ? 'bad' : undefined;
      terminal.line(mood === undefined ? line : terminal.paint(mood, line));
    }
  }
  if (wanted.message === true) {
    terminal.line(terminal.paint('title', 'Message'));
    terminal.bytes(message);
  }
}

/** A macro that was given and that nobody asked for would otherwise be missed in silence. */
function noteUnsent({ transcript }: Delivery, macros: object, terminal: Terminal): void {
  const sent = transcript.flatMap((exchange) =>
    exchange.sent.flatMap((command) =>
      command.type === 'macro' ? command.macros.map(([name]) => wireName(name)) : [],
    ),
  );
  for (const name of Object.keys(macros).filter((each) => transcript.length > 0 && !sent.includes(each))) {
    terminal.note(
      `rxmilter send: the macro ${name} was not sent: the milter did not ask for it, and it is none of those that a mail server sends by itself.`,
    );
  }
}

function timeoutsOf(text: string): NonNullable<MtaSessionOptions['timeouts']> {
  const ms = Number(text) * 1000;
  if (!(ms > 0 && ms <= 0x7fffffff)) {
    throw new UsageError(`--timeout ${text} is not a time. Use seconds, as in --timeout 10.`);
  }
  return { connect: ms, command: ms, content: ms, eom: ms };
}
