import fc from 'fast-check';
import { NEVER, map, timer, type OperatorFunction } from 'rxjs';
import {
  accept,
  addHeader,
  addRecipient,
  changeHeader,
  changeSender,
  compose,
  deleteHeader,
  deleteRecipient,
  discard,
  insertHeader,
  observe,
  on,
  perMessage,
  allow,
  quarantine,
  reject,
  replaceBody,
  requireRights,
  serve,
  skip,
  tempfail,
  type Flow,
  type MilterServer,
  type ServeOptions,
} from 'rxmilter';
import {
  deliver,
  type Delivery,
  formatReply,
  type ClientMail,
  MtaSession,
  type MtaSessionOptions,
} from 'rxmilter/mta';
import { afterEach, describe, expect, it } from 'vitest';

const MAIL: ClientMail = {
  sender: 'alice@example.com',
  recipients: ['bob@example.org', { address: 'carol@example.org', args: ['NOTIFY=NEVER'] }],
  headers: [
    ['Subject', 'Hello'],
    ['X-Spam', 'a'],
    ['X-Spam', 'b'],
    ['X-Spam', 'c'],
  ],
  body: 'Hi\n',
};
const STAGES = ['connect', 'helo', 'mail', 'rcpt', 'data', 'header', 'eoh', 'body', 'eom'] as const;
type Filter = OperatorFunction<Flow, Flow>;

let server: MilterServer | undefined;
const errors: Error[] = [];
afterEach(async () => {
  await server?.close();
  server = undefined;
  errors.length = 0;
});

async function start(filter: Filter, options: Partial<ServeOptions> = {}): Promise<string> {
  server = await serve(filter, {
    listen: 'inet:0@127.0.0.1',
    onError: (error) => errors.push(error),
    ...options,
  });
  return server.address;
}

async function send(
  filter: Filter,
  mail: Partial<ClientMail> = {},
  options: Partial<MtaSessionOptions> = {},
  serving: Partial<ServeOptions> = {},
): Promise<Delivery> {
  const to = await start(filter, serving);
  // Listening after each event that wants no reply is how a reply too many is found.
  return deliver({ ...MAIL, ...mail }, { to, timeouts: { silent: 5 }, ...options });
}

const fields = ({ headers }: Delivery): string[] =>
  headers.slice(headers[0]?.name === 'Received' ? 1 : 0).map(({ name, value }) => `${name}: ${value}`);

/** The ways in which an MTA may be talked to; what becomes of the mail is the same in all of them. */
const WAYS: readonly { way: string; offer?: MtaSessionOptions['offer']; serving?: Partial<ServeOptions> }[] =
  [
    { way: 'version 6' },
    { way: 'version 6, a reply to everything', serving: { noReply: false } },
    { way: 'version 6, every event', serving: { stages: [...STAGES] } },
    { way: 'version 6, no features', offer: { protocol: 0x3f } },
    { way: 'version 6, nothing left out', offer: { protocol: 0 } },
    { way: 'version 6, no blank after the colon', offer: { protocol: 0x0fffff } },
    { way: 'version 4', offer: { version: 4, actions: 0x3f, protocol: 0x37f } },
    { way: 'version 2', offer: { version: 2, actions: 0x3f, protocol: 0x7f } },
  ];

describe.each(WAYS)('a filter behind $way', ({ offer, serving }) => {
  const options = offer === undefined ? {} : { offer };

  it.each(STAGES.filter((stage) => stage !== 'data' || (offer?.version ?? 6) >= 4))(
    'that looks at %s changes nothing',
    async (stage) => {
      let seen = 0;
      const delivery = await send(
        observe(stage, () => seen++),
        {},
        options,
        serving,
      );
      expect(delivery).toMatchObject({ outcome: 'delivered', failure: undefined, modifications: [] });
      expect(seen).toBe(stage === 'rcpt' ? 2 : stage === 'header' ? 4 : 1);
      expect(errors).toEqual([]);
    },
  );

  it.each(STAGES.filter((stage) => stage !== 'data' || (offer?.version ?? 6) >= 4))(
    'that decides at %s is understood',
    async (stage) => {
      const to = await start(
        on(stage, (_, { signal }) => (signal.aborted ? undefined : decision())),
        serving,
      );
      let decision: () => ReturnType<typeof reject | typeof tempfail | typeof accept> = accept;
      for (const [next, outcome] of [
        [() => reject({ code: 554, enhanced: '5.7.9', text: ['100% no', 'really'] }), 'refused'],
        [() => tempfail(), 'deferred'],
        [() => tempfail({ code: 421, enhanced: '4.3.2', text: 'bye' }), 'deferred'],
        [accept, 'delivered'],
        [allow, 'delivered'],
      ] as const) {
        decision = next as typeof decision;
        const delivery = await deliver(MAIL, { to, timeouts: { silent: 5 }, ...options });
        expect([delivery.outcome, delivery.failure]).toEqual([outcome, undefined]);
        if (outcome === 'refused') {
          const lines = delivery.steps.map(({ reply }) => formatReply(reply));
          expect(lines).toContain('554-5.7.9 100% no\r\n554 5.7.9 really');
        }
      }
      expect(errors).toEqual([]);
    },
  );

  it('that discards is understood', async () => {
    const delivery = await send(
      on('rcpt', () => discard()),
      {},
      options,
      serving,
    );
    expect(delivery).toMatchObject({ outcome: 'discarded', failure: undefined });
  });

  it('that changes the header is understood', async () => {
    const delivery = await send(
      on('eom', () => [
        addHeader('X-Last', 'end'),
        insertHeader('top', 'X-Top', 'folded\n\tvalue'),
        changeHeader('Subject', 'New'),
        deleteHeader('X-Spam', 1),
        deleteHeader('X-Spam', 3),
        addHeader('X-Utf8', 'grün'),
      ]),
      {},
      options,
      serving,
    );
    expect(delivery.failure).toBeUndefined();
    expect(fields(delivery).filter((field) => !field.startsWith('Received'))).toEqual([
      'X-Top: folded\n\tvalue',
      'Subject: New',
      'X-Spam: b',
      'X-Last: end',
      'X-Utf8: grün',
    ]);
    expect(errors).toEqual([]);
  });

  it('that changes the body, the envelope and where the mail goes is understood', async () => {
    const delivery = await send(
      on('eom', async () => {
        await Promise.resolve();
        return [
          replaceBody(['new ', Buffer.from('body\r\n')]),
          deleteRecipient('bob@example.org'),
          addRecipient('dave@example.org'),
          quarantine('look at it'),
          accept(),
        ];
      }),
      {},
      options,
      serving,
    );
    expect(delivery).toMatchObject({
      outcome: 'quarantined',
      quarantined: 'look at it',
      failure: undefined,
      recipients: [
        { address: 'carol@example.org', args: ['NOTIFY=NEVER'] },
        { address: 'dave@example.org', args: [] },
      ],
    });
    expect(delivery.body.toString()).toBe('new body\r\n');
  });
});

describe('a served filter', () => {
  it('changes the sender and adds recipients with arguments', async () => {
    const delivery = await send(
      on('eom', () => [
        changeSender('', ['RET=HDRS']),
        addRecipient('erin@example.org', ['NOTIFY=NEVER', 'ORCPT=rfc822;x']),
      ]),
    );
    expect(delivery).toMatchObject({ sender: { address: '', args: ['RET=HDRS'] }, failure: undefined });
    expect(delivery.recipients.at(-1)).toEqual({
      address: 'erin@example.org',
      args: ['NOTIFY=NEVER', 'ORCPT=rfc822;x'],
    });
  });

  it('has seen enough of the body', async () => {
    let seen = 0;
    const body = Buffer.alloc(200_000, 'x');
    const delivery = await send(
      on('body', () => {
        seen++;
        return skip();
      }),
      { body },
    );
    expect(seen).toBe(1);
    expect(delivery).toMatchObject({ outcome: 'delivered', failure: undefined });
  });

  it('gets the body as it was sent, whatever it is', async () => {
    const chunks: Buffer[] = [];
    const to = await start(on('body', ({ chunk }) => void chunks.push(Buffer.from(chunk))));
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200_000, size: 'max' }), async (bytes) => {
        chunks.length = 0;
        const delivery = await deliver({ ...MAIL, body: bytes }, { to });
        expect(delivery.failure).toBeUndefined();
        expect(Buffer.concat(chunks).equals(bytes)).toBe(true);
        expect(delivery.body.equals(bytes)).toBe(true);
      }),
      { numRuns: 15 },
    );
  });

  it('gives back what it got of any header, byte for byte', async () => {
    const seen: Record<string, Buffer> = {};
    const filter = compose(
      observe('header', ({ name, raw }) => void (seen[name] = Buffer.from(raw))),
      on('eom', () => Object.entries(seen).map(([name, raw]) => addHeader(`Copy-${name}`, raw))),
    );
    for (const offer of [{}, { protocol: 0x0fffff }]) {
      const headers = [
        ['Latin', Buffer.from('caf\xe9', 'latin1')],
        ['Utf', 'käse'],
        ['Blank', '  two'],
        ['Tab', '\ttab'],
        ['Empty', ''],
        ['Folded', 'a\n\tb\n c'],
        ['Long', 'x'.repeat(60_000)],
      ] as const;
      const delivery = await send(filter, { headers }, { offer });
      await server?.close();
      expect(delivery.failure).toBeUndefined();
      const raw = (wanted: string): string | undefined =>
        delivery.headers.find(({ name }) => name === wanted)?.raw.toString('latin1');
      for (const [name] of headers) expect([name, raw(`Copy-${name}`)]).toEqual([name, raw(name)]);
    }
  });

  it('may take its time at the end, and shows that it lives', async () => {
    const delivery = await send(
      on('eom', () => timer(400).pipe(map(() => addHeader('X-Slow', 'yes')))),
      {},
      { timeouts: { content: 200, eom: 5000 } },
      { timeouts: { progress: 10 } },
    );
    expect(delivery).toMatchObject({ outcome: 'delivered', failure: undefined });
    expect(delivery.transcript.flatMap(({ received }) => received.map(({ type }) => type))).toContain(
      'progress',
    );
  });

  it('that throws, or never answers, defers the mail and is reported', async () => {
    const thrown = await send(
      on('rcpt', () => {
        throw new Error('broken');
      }),
    );
    expect(thrown).toMatchObject({ outcome: 'deferred', failure: undefined, reply: { code: 451 } });
    expect(thrown.steps.filter(({ command }) => command === 'rcpt').map(({ reply }) => reply.code)).toEqual([
      451, 451,
    ]);
    expect(errors.length).toBeGreaterThan(0);
    await server?.close();
    const silent = await send(
      on('data', () => NEVER),
      {},
      {},
      { timeouts: { reply: 30 } },
    );
    expect(silent).toMatchObject({ outcome: 'deferred', failure: undefined });
  });

  it('defers all mail of an MTA that cannot do what it needs', async () => {
    const delivery = await send(
      requireRights(
        ['CHGBODY'],
        on('eom', () => accept()),
      ),
      {},
      { offer: { actions: 1 } },
    );
    expect(delivery).toMatchObject({
      outcome: 'deferred',
      failure: undefined,
      reply: { code: 451, enhanced: '4.3.5' },
    });
  });

  it('has one state for each message of a connection', async () => {
    const to = await start(
      perMessage(() => {
        let count = 0;
        return compose(
          observe('rcpt', () => count++),
          on('eom', () => addHeader('X-Count', String(count))),
        );
      }),
    );
    const session = await MtaSession.open({ to, timeouts: { silent: 2 } });
    const counts: (string | undefined)[] = [];
    for (let sent = 0; sent < 3; sent++) counts.push((await session.send(MAIL)).headers.at(-1)?.value);
    await session.close();
    expect(counts).toEqual(['2', '2', '2']);
    expect(session.failure).toBeUndefined();
  });

  it('serves many at once', async () => {
    const to = await start(
      on(['rcpt', 'eom'], async () => {
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 5));
        return undefined;
      }),
    );
    const deliveries = await Promise.all(Array.from({ length: 60 }, () => deliver(MAIL, { to })));
    for (const one of deliveries) expect(one).toMatchObject({ outcome: 'delivered', failure: undefined });
  });

  it('is told apart from its macros', async () => {
    const ids: (string | undefined)[] = [];
    await send(on(['mail', 'rcpt', 'eom'], ({ session }) => void ids.push(session.macros.get('i'))));
    expect(ids.slice(0, 2)).toEqual([undefined, undefined]);
    expect(ids[2]).toBeDefined();
    expect(ids.at(-1)).toBe(ids[2]);
  });
});
