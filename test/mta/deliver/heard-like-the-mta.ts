import {
  accept,
  compose,
  discard,
  observe,
  on,
  reject,
  tempfail,
  type Filter,
  type serve,
  type ServeOptions,
  type TraceEntry,
  type Stage,
} from 'rxmilter';
import { MtaSession, parseEml, type Mail, type MtaKind } from 'rxmilter/mta';
import { expect, test } from 'vitest';

import { eventually } from '../support/eventually.js';
import type { SmtpClient } from '../support/smtp-client.js';
import { MESSAGE } from './cases.js';

/** What a bench has to have for a comparison, whichever MTA is on it. */
interface Bench {
  serve(filter: Parameters<typeof serve>[0], options: Partial<ServeOptions>): Promise<unknown>;
  connect(): Promise<SmtpClient>;
}

/** What a client does after its EHLO: a message, which it may give up, EHLO again, or nonsense. */
type Act = 'message' | 'mail and RSET' | 'recipients and RSET' | 'EHLO' | 'nonsense';

interface Hearing {
  readonly name: string;
  readonly filter: () => Filter;
  readonly acts: readonly Act[];
  readonly options?: Partial<ServeOptions>;
}

const everything = (): Filter =>
  compose(
    on(
      ['connect', 'helo', 'mail', 'rcpt', 'data', 'header', 'eoh', 'body', 'eom', 'unknown'],
      () => undefined,
    ),
    observe('abort', () => undefined),
  );
const decided = (stage: Stage, decide: () => ReturnType<typeof reject>): (() => Filter) => {
  return () => compose(on(stage, (() => decide()) as never), everything());
};
// Over TCP the library wants data answered whatever a filter has to do with it, so that here, too, it is.
const ONE: readonly Act[] = ['message'];
const STAGES = ['connect', 'helo', 'mail', 'rcpt', 'data', 'header', 'eoh', 'body', 'eom'] as const;

const HEARINGS: readonly Hearing[] = [
  { name: 'one message', filter: everything, acts: ONE },
  { name: 'two messages', filter: everything, acts: ['message', 'message'] },
  {
    name: 'messages given up',
    filter: everything,
    acts: ['mail and RSET', 'recipients and RSET', 'message'],
  },
  { name: 'EHLO again', filter: everything, acts: ['EHLO', 'message', 'EHLO', 'message'] },
  { name: 'nonsense', filter: everything, acts: ['nonsense', 'message', 'nonsense'] },
  {
    name: 'nothing of interest',
    filter: () => on(['data', 'eom'], () => undefined),
    acts: ['message', 'nonsense'],
  },
  {
    name: 'only what is observed',
    filter: () =>
      compose(
        observe('header', () => undefined),
        on('data', () => undefined),
      ),
    acts: ['message', 'message'],
  },
  {
    name: 'macros that it asked for',
    filter: everything,
    acts: ONE,
    options: {
      macros: {
        connect: ['j', '{client_addr}'],
        helo: [],
        mail: ['i', '{mail_addr}'],
        data: ['i', 'j'],
        eoh: ['j'],
        eom: ['i', '{msg_id}'],
      },
    },
  },
  {
    name: 'macros that it asked for, of eom alone',
    filter: everything,
    acts: ONE,
    options: { macros: { eom: ['j'] } },
  },
  ...STAGES.flatMap((stage): Hearing[] => [
    {
      name: `what is left after accept() at ${stage}`,
      filter: decided(stage, accept as never),
      acts: ['message', 'message'],
    },
    {
      name: `what is left after reject() at ${stage}`,
      filter: decided(stage, reject),
      acts: ['message', 'message'],
    },
  ]),
  ...(['mail', 'rcpt', 'data', 'header', 'body', 'eom'] as const).map((stage): Hearing => ({
    name: `what is left after discard() at ${stage}`,
    filter: decided(stage, discard as never),
    acts: ['message', 'message'],
  })),
  {
    name: 'a recipient less',
    filter: () =>
      compose(
        on('rcpt', ({ address }) => (address.startsWith('bob') ? tempfail() : undefined)),
        everything(),
      ),
    acts: ONE,
  },
];

const MAIL: Mail = {
  sender: { address: 'alice@src.example', args: [] },
  recipients: ['bob@dst.example', 'cid@dst.example'],
  ...parseEml(MESSAGE),
};

/**
 * Tests that a milter hears of `deliver()` what it hears of the MTA on the bench: each frame, in its order.
 *
 * @param host the client's name, as the MTA has it
 * @param changed what a newer version of the MTA makes of a frame of the one that is simulated
 */
export function heardLikeTheMta(
  bench: () => Bench,
  mta: MtaKind,
  host: string,
  changed = (frame: string): string => frame,
): void {
  test.each(HEARINGS)('$name', async ({ filter, acts, options = {} }) => {
    const real = listener(filter());
    await bench().serve(real.filter, { ...options, trace: real.trace });
    const client = await bench().connect();
    await client.hello();
    for (const act of acts) await perform(client, act);
    await client.quit();

    const simulated = listener(filter());
    const session = await MtaSession.open({
      mta,
      to: simulated.filter,
      session: { ...options, trace: simulated.trace },
      hostname: 'mx.test.example',
      helo: 'client.example',
      client: { host, family: 'inet', address: '127.0.0.1' },
    });
    for (const act of acts) await simulate(session, act);
    await session.close();

    await eventually('the end of both connections', () => real.closed() && simulated.closed());
    expect(simulated.frames.map(changed)).toEqual(real.frames);
  });
}

/** A filter that notes the frames it is sent, as text without what no two sessions have the same. */
function listener(filter: Filter): {
  filter: Filter;
  frames: string[];
  trace: (entry: TraceEntry) => void;
  closed: () => boolean;
} {
  const frames: string[] = [];
  let closed = false;
  return {
    filter: compose(
      filter,
      observe('close', () => void (closed = true)),
    ),
    frames,
    closed: () => closed,
    trace: ({ from, name, text }) => {
      if (from === 'mta' && name !== 'optneg') frames.push(masked(text));
    },
  };
}

/** Ids, ports, and how mail is routed, which is a matter of configuration. */
function masked(text: string): string {
  return text
    .replace(/^(connect .*) \d+$/, '$1 (port)')
    .replace(/(?<= )i=\S+/, 'i=(id)')
    .replace(/\{(mail|rcpt)_(host|mailer)\}=\S*/g, '{$1_$2}=(route)')
    .replace(/\{(daemon_name|daemon_addr|if_name|if_addr)\}=\S*/g, '{$1}=(daemon)')
    .replace(/(?<= )v=(?:Postfix )?\S+/, 'v=(version)');
}

async function perform(client: SmtpClient, act: Act): Promise<void> {
  const envelope = [
    'MAIL FROM:<alice@src.example>',
    'RCPT TO:<bob@dst.example>',
    'RCPT TO:<cid@dst.example>',
  ];
  switch (act) {
    case 'message':
      await send(client, [...envelope, 'DATA']);
      break;
    case 'mail and RSET':
      await send(client, envelope.slice(0, 1));
      await client.command('RSET');
      break;
    case 'recipients and RSET':
      await send(client, envelope);
      await client.command('RSET');
      break;
    case 'EHLO':
      await client.command('EHLO again.example');
      break;
    case 'nonsense':
      await client.command('FROBNICATE all of it');
      break;
  }
}

/** Says these, as a client does: a refusal of all recipients, of the sender or of DATA ends the message. */
async function send(client: SmtpClient, commands: readonly string[]): Promise<void> {
  let accepted = 0;
  for (const command of commands) {
    if (command === 'DATA' && accepted === 0) break;
    const reply = await client.command(command);
    const good = /^[23]/.test(reply);
    if (command.startsWith('RCPT')) accepted += good ? 1 : 0;
    else if (!good) break;
    else if (command === 'DATA') {
      await client.content(MESSAGE);
      return;
    }
  }
  if (commands.includes('DATA')) await client.command('RSET');
}

async function simulate(session: MtaSession, act: Act): Promise<void> {
  switch (act) {
    case 'message':
      await session.send(MAIL);
      break;
    case 'mail and RSET':
      await session.send({ ...MAIL, reset: 'mail' });
      break;
    case 'recipients and RSET':
      await session.send({ ...MAIL, reset: 'rcpt' });
      break;
    case 'EHLO':
      await session.helo('again.example');
      break;
    case 'nonsense':
      await session.unknown('FROBNICATE all of it');
      break;
  }
}
