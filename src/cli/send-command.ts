import type { MtaOffer as Offer } from '../mta/client/agreement.js';
import { deliver } from '../mta/simulate/deliver.js';
import type { Delivery } from '../mta/simulate/delivery.js';
import { wireName } from '../session/negotiation/terms.js';
import type { MtaKind } from '../session/profiles/profile.js';
import { MTA_KINDS } from '../session/profiles/recognise.js';
import { type Command, CommandError, UsageError, choice, defined, parseArguments } from './command.js';
import { envelopeOf } from './envelope.js';
import { readMessage } from './files.js';
import { deliveryJson, reportDelivery } from './report-delivery.js';
import type { Terminal } from './terminal.js';
import { parseClient, parseMacros, parseSeconds } from './values.js';

const HELP = `Usage: rxmilter send --to ENDPOINT [options] MAIL.eml

Gives a message to a milter as a mail server would, without a mail server, and shows what
the server would have told the client, what the milter wants changed, and what becomes of
the message. MAIL.eml is a message in a file, or - for standard input.

  --to ENDPOINT        where the milter listens: inet:8891@127.0.0.1, unix:/run/filter.sock

The message:
  --from ADDRESS       envelope sender; '' is the null sender. Default: the message's From
  --rcpt ADDRESS       envelope recipient, and again for each more. Default: To, Cc and Bcc
                       ESMTP arguments follow after a blank: --rcpt 'bob@example.org NOTIFY=NEVER'
  --client CLIENT      the SMTP client: '[name] address[:port]', or unknown
  --helo NAME          what the client says in EHLO. Default: the name of the client
  --macro NAME=VALUE   a macro, and again for each more: --macro auth_authen=bob

How to ask:
  --mta NAME           the mail server to play: postfix, sendmail, stalwart or maddy.
                       Default: postfix
  --protocol VERSION   version of the protocol to offer: 2, 3, 4 or 6. Default: 6
  --timeout SECONDS    how long to wait for each reply. Default: as the mail server; Postfix
                       waits 30, and 300 for the content

What to show:
  --message            the message as it would be delivered, at the end
  --diff               what has changed in the message, as a unified diff
  --trace              every frame of the protocol
  --json               all of it as one object of JSON, and nothing else

  --debug              where in the program an error came from
  -h, --help           this

Exit status: 0 delivered, held in quarantine or discarded; 3 refused; 4 deferred;
             1 the milter failed, or something else did; 2 the command line makes no sense.

Examples:
  rxmilter send --to inet:8891@127.0.0.1 mail.eml
  rxmilter send --to unix:/run/filter.sock --client 'mail.example.com 192.0.2.7' --diff mail.eml
  printf 'Subject: Hi\\n\\nHello\\n' | rxmilter send --to inet:8891@127.0.0.1 \\
      --from ann@example.com --rcpt bob@example.org --message -
`;

const OPTIONS = {
  to: { type: 'string' },
  from: { type: 'string' },
  rcpt: { type: 'string', multiple: true },
  helo: { type: 'string' },
  client: { type: 'string' },
  macro: { type: 'string', multiple: true },
  mta: { type: 'string' },
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

/** The offers by version; the rest of them is the mail server's. */
const OFFERS: Readonly<Record<string, Partial<Offer>>> = Object.fromEntries(
  [2, 3, 4, 6].map((version) => [version, { version }]),
);

const KINDS: Readonly<Record<string, MtaKind>> = Object.fromEntries(MTA_KINDS.map((kind) => [kind, kind]));

/** Gives one message to a milter, as a mail server would. */
export const sendCommand: Command = {
  name: 'send',
  summary: 'give a message to a milter as a mail server would, and show what it makes of it',
  help: HELP,
  async run(args, terminal) {
    const { values, positionals } = parseArguments(args, OPTIONS, ['MAIL.eml']);
    const { to, client, macro = [], mta, protocol, timeout } = values;
    if (to === undefined) {
      throw new UsageError('--to is missing: say where the milter listens, as in --to inet:8891@127.0.0.1.');
    }
    const macros = parseMacros(macro);
    const ms = parseSeconds('--timeout', timeout);
    const session = defined({
      mta:
        mta === undefined ? undefined : choice(mta, KINDS, `--mta ${mta}: there is no such mail server. Use`),
      offer:
        protocol === undefined
          ? undefined
          : choice(protocol, OFFERS, `--protocol ${protocol}: mail servers have no such version. Use`),
      timeouts: ms === undefined ? undefined : { connect: ms, command: ms, content: ms, eom: ms },
    });
    const who = defined({
      client: client === undefined ? undefined : parseClient(client),
      helo: values.helo,
    });
    const eml = await readMessage(positionals[0] ?? '-', terminal.io);
    const envelope = envelopeOf(eml, values.from, values.rcpt);
    const { sender, recipients } = envelope;
    const mail = { ...eml, sender, recipients, macros, ...who };
    const delivery = await deliver(mail, { ...session, macros, to }).catch(unsendable);
    if (values.json === true) terminal.line(deliveryJson(delivery));
    else reportDelivery(delivery, { eml, envelope }, values, terminal);
    noteUnsent(delivery, macros, terminal);
    return delivery.failure === undefined ? STATUS[delivery.outcome] : 1;
  },
};

/** The message is the user's, so that a header too large for a frame is the user's error. */
function unsendable(error: unknown): never {
  if (!(error instanceof RangeError)) throw error;
  throw new CommandError(`the message cannot be given to the milter. ${error.message}`, { cause: error });
}

/** A macro that was given and not asked for would otherwise be missed in silence. */
function noteUnsent({ transcript }: Delivery, macros: object, terminal: Terminal): void {
  if (transcript.length === 0) return;
  const sent = transcript
    .flatMap((exchange) => exchange.sent)
    .flatMap((command) => (command.type === 'macro' ? command.macros.map(([name]) => wireName(name)) : []));
  for (const name of Object.keys(macros).filter((each) => !sent.includes(each))) {
    terminal.note(
      `rxmilter send: the macro ${name} was not sent: the milter did not ask for it, and a mail server does not send it by itself.`,
    );
  }
}
