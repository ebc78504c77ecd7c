import { printable, printableJson } from '../common/printable.js';
import { isA } from '../common/text-of.js';
import { type CheckReport, check } from '../mta/check/check.js';
import type { CheckFinding, CheckPlace } from '../mta/check/findings.js';
import { MilterError } from '../mta/client/milter-error.js';
import { STAGES } from '../session/stage.js';
import { type Command, UsageError, defined, parseArguments } from './command.js';
import { envelopeOf } from './envelope.js';
import { readMessage } from './files.js';
import { type Terminal, counted } from './terminal.js';
import { parseSeconds } from './values.js';

const HELP = `Usage: rxmilter check --to ENDPOINT [options] [MAIL.eml ...]

Judges a milter by the protocol: plays what Postfix, Sendmail, Stalwart and maddy say to
milters, and worse, and says what is wrong, at which step, what a mail server makes of it,
and what to change. It changes nothing and sends no mail. The messages in it are its own;
those in files are played beside them.

  --to ENDPOINT        where the milter listens: inet:8891@127.0.0.1, unix:/run/filter.sock
  --from ADDRESS       envelope sender of these messages; '' is the null sender. Default: From
  --rcpt ADDRESS       envelope recipient, and again for each more. Default: To, Cc and Bcc

  --timeout SECONDS    how long a reply may take. Default: 10, as Sendmail
  --settle SECONDS     how long to wait for a reply that is not due. Default: 0.1
  --idle SECONDS       how long the client pauses where it does. Default: 2
  --json               the report as one object of JSON, and nothing else

  --debug              where in the program an error came from
  -h, --help           this

Exit status: 0 no error (there may be warnings); 1 errors were found;
             2 nothing listens there, or the command line makes no sense.

Examples:
  rxmilter check --to inet:8891@127.0.0.1
  rxmilter check --to unix:/run/filter.sock --json mail.eml
`;

const OPTIONS = {
  to: { type: 'string' },
  from: { type: 'string' },
  rcpt: { type: 'string', multiple: true },
  timeout: { type: 'string' },
  settle: { type: 'string' },
  idle: { type: 'string' },
  json: { type: 'boolean' },
} as const;

/** Judges a milter by the protocol. */
export const checkCommand: Command = {
  name: 'check',
  summary: 'judge a milter by the protocol: what is wrong, what follows, and what to change',
  help: HELP,
  async run(args, terminal) {
    const { values, positionals } = parseArguments(args, OPTIONS, [], true);
    const { to, json = false } = values;
    if (to === undefined) {
      throw new UsageError('--to is missing: say where the milter listens, as in --to inet:8891@127.0.0.1.');
    }
    const times = defined({
      timeout: parseSeconds('--timeout', values.timeout),
      settle: parseSeconds('--settle', values.settle),
      idle: parseSeconds('--idle', values.idle),
    });
    const mails = [];
    for (const file of positionals) {
      const eml = await readMessage(file, terminal.io);
      const { sender, recipients } = envelopeOf(eml, values.from, values.rcpt);
      mails.push({ ...eml, sender, recipients });
    }
    let report: CheckReport;
    try {
      report = await check(to, { ...times, mails });
    } catch (error) {
      if (!isA(error, MilterError)) throw error;
      terminal.note(
        `rxmilter check: nothing was checked. ${error.message} Is the milter running, and is this its address?`,
      );
      return 2;
    }
    if (json) terminal.line(printableJson(report, 2));
    else show(report, terminal);
    return report.findings.some(({ severity }) => severity === 'error') ? 1 : 0;
  },
};

function show({ findings, dialogues, replies }: CheckReport, terminal: Terminal): void {
  for (const finding of findings) {
    const { severity, rule, what, consequence, source, advice, also } = finding;
    const style = severity === 'error' ? 'bad' : 'doubtful';
    terminal.line(`${terminal.paint(severity, style)}: ${rule}`, 'title');
    const row = (label: string, text: string): void =>
      terminal.line(`  ${label.padEnd(8)}${printable(text)}`);
    row('What', what);
    row('Where', place(finding));
    if (also.length > 0) row('', `and ${also.length} more, first ${place(also[0] ?? finding)}`);
    row('Then', consequence);
    row('Source', source);
    row('Do', advice);
    terminal.line('');
  }
  const played = dialogues.filter(({ result }) => result !== 'skipped').length;
  const count = (severity: CheckFinding['severity']): number =>
    findings.filter((one) => one.severity === severity).length;
  const stages = STAGES.filter((stage) => replies[stage] !== undefined);
  terminal.line(`Replied at ${stages.map((stage) => `${stage} ${replies[stage] ?? 0}`).join(', ')}.`);
  const found = `${counted(count('error'), 'error')}, ${counted(count('warning'), 'warning')}.`;
  terminal.line(`${counted(played, 'dialogue')} played: ${found}`, count('error') === 0 ? 'good' : 'bad');
}

function place({ dialogue, step }: CheckPlace): string {
  return `at ${step}, in: ${dialogue}`;
}
