import { BehaviorSubject, mergeMap, type OperatorFunction, Subject, takeUntil } from 'rxjs';
import {
  addHeader,
  addRecipient,
  changeHeader,
  compose,
  type Flow,
  listen,
  type MessageOutcome,
  on,
  openSocket,
  type Outcome,
  requireRights,
  serve,
  type ServeOptions,
  sink,
  UngrantedError,
} from 'rxmilter';
import { describe, expect, it, onTestFinished } from 'vitest';

import { frame, optneg, said } from '../support/session-frames.js';
import { socketMta } from '../support/session-mta.js';
import { standardError } from '../support/standard-error.js';

type AnyFilter = OperatorFunction<Flow, Flow>;

const SMALL = optneg(6, 0x21, 0);
const SMALLER = optneg(6, 0x1, 0);
const EOM = frame('E');
const REFUSED = frame('y', '451 4.3.5 Server configuration problem, try again later\0');

/** The macros by which maddy and Stalwart are known. */
const MADDY = frame('D', 'Cdaemon_name\0maddy\0');
const STALWART = frame('D', 'C{daemon_name}\0Stalwart v0.16.2\0');
const CONNECT = frame('C', 'host\x004\x00\x19192.0.2.1\0');

const subject = on('eom', () => changeHeader('Subject', 'x'));
const recipient = on('eom', () => addRecipient('a@b.test'));

interface Served {
  readonly address: string;
  readonly outcomes: Outcome[];
  /** What `onError` got: the stage, and the rights. */
  readonly told: string[];
}

async function serving(
  filter: Parameters<typeof serve>[0],
  options: Partial<ServeOptions> = {},
): Promise<Served> {
  const told: string[] = [];
  const outcomes: Outcome[] = [];
  const server = await serve(filter, {
    listen: 'inet:0@127.0.0.1',
    onError: (error, { stage }) => {
      if (!(error instanceof UngrantedError)) throw error;
      told.push(`${stage} ${error.wishes.map(({ right }) => right).join()}`);
    },
    ...options,
  });
  onTestFinished(() => server.destroy());
  server.outcomes.subscribe((outcome) => outcomes.push(outcome));
  return { address: server.address, told, outcomes };
}

/** A connection with so many messages; what each of them was answered. */
async function mails(
  address: string,
  { offer = SMALL, macros, count = 2 }: { offer?: Buffer; macros?: Buffer; count?: number } = {},
): Promise<string[][]> {
  const mta = await socketMta(address);
  await mta.ask(offer);
  const answers: string[][] = [];
  if (macros !== undefined) await mta.ask(macros, CONNECT);
  for (let message = 0; message < count; message++) answers.push(await mta.ask(EOM));
  mta.send(frame('Q'));
  await mta.closed;
  return answers;
}

describe('what a mail server does not grant', () => {
  it('is told once when it is wanted first, and each message has it in its outcome', async () => {
    const { address, told, outcomes } = await serving(subject);
    for (let connection = 0; connection < 2; connection++) {
      expect(await mails(address)).toEqual([said('R06'), said('R06')]);
    }
    expect(told).toEqual(['eom CHGHDRS']);
    expect(outcomes).toMatchObject(Array(4).fill({ stage: 'eom', error: { name: 'UngrantedError' } }));
  });

  it('is told once at negotiation, by many connections at a time', async () => {
    const { address, told, outcomes } = await serving(subject, {
      rights: ['ADDHDRS', 'CHGHDRS'],
      ungranted: 'skip',
    });
    await Promise.all([1, 2, 3, 4].map(() => mails(address)));
    expect(told).toEqual(['negotiate CHGHDRS']);
    // Connections have nothing to tell beside that, but each message has.
    expect(outcomes.filter(({ stage }) => stage === 'negotiate')).toHaveLength(1);
    expect(outcomes).toHaveLength(9);
  });

  it('is listed in the message that is over', async () => {
    const filter = on('eom', () => [addHeader('X-A', '1'), changeHeader('Subject', 'x')]);
    const server = await serve(filter, {
      listen: 'inet:0@127.0.0.1',
      ungranted: 'skip',
      onError: () => undefined,
    });
    onTestFinished(() => server.destroy());
    const messages: MessageOutcome[] = [];
    server.messages.subscribe((message) => messages.push(message));
    await mails(server.address, { count: 1 });
    expect(messages).toMatchObject([
      {
        result: 'accepted',
        modifications: [addHeader('X-A', '1')],
        skipped: [changeHeader('Subject', 'x')],
        error: { name: 'UngrantedError' },
      },
    ]);
  });

  it.each([
    ['grants other rights', { offer: SMALL }, { offer: SMALLER }],
    ['has another name', { macros: MADDY }, { macros: STALWART }],
  ])('is told anew of one that %s', async (_what, first, second) => {
    const { address, told } = await serving(subject);
    for (const how of [first, second, first, second]) await mails(address, how);
    expect(told).toEqual(['eom CHGHDRS', 'eom CHGHDRS']);
  });

  it('is told anew for another right, and for another filter', async () => {
    const one = on('eom', ({ session }) => (session.helo === 'a' ? changeHeader('Subject', 'x') : undefined));
    const { address, told } = await serving(compose(one, recipient));
    await mails(address);
    expect(told).toEqual(['eom ADDRCPT']);
    const mta = await socketMta(address);
    await mta.ask(SMALL);
    await mta.ask(frame('H', 'a\0'));
    await mta.ask(EOM);
    expect(told).toEqual(['eom ADDRCPT', 'eom CHGHDRS,ADDRCPT']);
    const other = await serving(
      compose(
        subject,
        on('eom', () => changeHeader('Subject', 'y')),
      ),
    );
    await mails(other.address);
    expect(other.told).toEqual(['eom CHGHDRS,CHGHDRS']);
  });

  it('is told of a newer filter, where that wants more', async () => {
    const filters = new BehaviorSubject<AnyFilter>(requireRights(['CHGHDRS'], subject));
    const { address, told } = await serving(filters);
    const refused = [said(REFUSED), said(REFUSED)];
    for (let connection = 0; connection < 2; connection++) expect(await mails(address)).toEqual(refused);
    filters.next(requireRights(['CHGHDRS', 'ADDRCPT'], subject));
    for (let connection = 0; connection < 2; connection++) expect(await mails(address)).toEqual(refused);
    filters.next(recipient);
    await mails(address);
    expect(told).toEqual(['negotiate CHGHDRS', 'negotiate ADDRCPT,CHGHDRS', 'eom ADDRCPT']);
  });

  it('is told by each server of a process', async () => {
    for (let server = 0; server < 2; server++) {
      const { address, told } = await serving(subject);
      await mails(address);
      expect(told).toEqual(['eom CHGHDRS']);
    }
  });

  it('has connections refused from the first on, where it is known', async () => {
    const { address, told, outcomes } = await serving(subject, {
      rights: ['CHGHDRS'],
      ungranted: 'refuse',
    });
    for (let connection = 0; connection < 2; connection++) {
      expect(await mails(address, { macros: MADDY, count: 1 })).toEqual([said(REFUSED)]);
    }
    expect(told).toEqual(['negotiate CHGHDRS']);
    const each = [
      { stage: 'negotiate', error: { name: 'UngrantedError' } },
      { stage: 'connect', decision: { kind: 'tempfail' } },
      { stage: 'eom', decision: { kind: 'tempfail' } },
    ];
    expect(outcomes).toMatchObject([...each, ...each]);
    // One that grants it is served.
    expect(await mails(address, { offer: optneg(6, 0x10, 0) })).not.toContainEqual(said(REFUSED));
  });

  it('defers the message where it is not known, and no other one', async () => {
    let wanted = true;
    const filter = on('eom', () => (wanted ? changeHeader('Subject', 'x') : undefined));
    const { address, told } = await serving(filter, { ungranted: 'refuse' });
    expect(await mails(address, { count: 1 })).toEqual([said('R06')]);
    wanted = false;
    expect(await mails(address, { count: 1 })).toEqual([said('R03')]);
    expect(told).toEqual(['eom CHGHDRS']);
  });

  it('is a line on standard error without an onError', async () => {
    const written = standardError();
    const { address } = await serving(requireRights(['CHGHDRS'], subject), { onError: undefined });
    await mails(address);
    await mails(address);
    expect(written).toEqual([
      expect.stringMatching(
        /^rxmilter: session \w+, stage negotiate, client unknown: requireRights\(\) needs the right CHGHDRS \(at ungranted\.test\.ts:\d+:\d+\); the MTA grants ADDHDRS, QUARANTINE\. Its connections are refused with a 451\.\n$/,
      ),
    ]);
  });

  it('is marked in the outcomes of listen()', async () => {
    const socket = await openSocket('inet:0@127.0.0.1');
    const stop = new Subject<void>();
    const outcomes: Outcome[] = [];
    const done = new Promise<void>((resolve) => {
      listen(socket)
        .pipe(
          // eslint-disable-next-line rxjs-x/no-unsafe-takeuntil -- it stops listening, and lets sessions end
          takeUntil(stop),
          mergeMap((session) => session.events.pipe(subject, sink(session))),
        )
        .subscribe({ next: (outcome) => outcomes.push(outcome), complete: resolve });
    });
    for (let connection = 0; connection < 2; connection++) await mails(socket.address);
    stop.next();
    await done;
    expect(outcomes.map(({ error }) => error instanceof UngrantedError && error.repeated)).toEqual([
      false,
      true,
      true,
      true,
    ]);
  });
});

it.each([
  ['fail', "serve(): ungranted is 'fail'; it has to be one of 'refuse', 'defer', 'skip'."],
  [
    'defr',
    "serve(): ungranted is 'defr'; it has to be one of 'refuse', 'defer', 'skip'. Did you mean 'defer'?",
  ],
])('the option ungranted cannot be %s', async (ungranted, words) => {
  await expect(
    serve(subject, { listen: 'inet:0@127.0.0.1', ungranted: ungranted as 'defer' }),
  ).rejects.toThrow(words);
});
