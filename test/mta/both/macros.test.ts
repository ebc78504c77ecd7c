import { observe, on, reject, type ServeOptions } from 'rxmilter';
import { expect, test } from 'vitest';

import { describeMtas } from '../support/describe-mtas.js';
import { TOLD_BY } from '../support/told-by.js';

const DATA = 'Subject: macros\r\nMessage-Id: <one@src.example>\r\n\r\nThe body.\r\n';
const STAGES = ['connect', 'helo', 'mail', 'rcpt', 'data', 'header', 'eoh', 'body', 'eom'] as const;
type Seen = Partial<Record<(typeof STAGES)[number], Readonly<Record<string, string>>>>;

/** The names that are new at each stage when nothing is asked for; HELO has some under TLS only. */
const NEW_NAMES = {
  postfix: {
    connect: ['_', 'daemon_addr', 'daemon_name', 'j', 'v'],
    helo: [],
    mail: ['mail_addr', 'mail_host', 'mail_mailer'],
    rcpt: ['rcpt_addr', 'rcpt_host', 'rcpt_mailer'],
    data: ['i'],
    header: [],
    eoh: [],
    body: [],
    eom: [],
  },
  sendmail: {
    connect: ['_', 'daemon_name', 'if_name', 'j'],
    helo: [],
    mail: ['i', 'mail_addr', 'mail_host', 'mail_mailer'],
    rcpt: ['rcpt_addr', 'rcpt_host', 'rcpt_mailer'],
    data: [],
    header: [],
    eoh: [],
    body: [],
    eom: ['msg_id'],
  },
};

describeMtas('macros', (bench, mta) => {
  const { queueId } = TOLD_BY[mta];

  /** What a filter sees at each stage of one message, and the queue id that the client was told. */
  async function seenWith(macros: ServeOptions['macros']): Promise<{ seen: Seen; id: string | undefined }> {
    const seen: Seen = {};
    await bench().serve(
      observe(STAGES, ({ stage, session }) => {
        seen[stage] = session.macros.all();
      }),
      { macros },
    );
    const client = await bench().greeted();
    const reply = await client.deliver({ data: DATA });
    await client.quit();
    return { seen, id: queueId.exec(reply)?.[1] };
  }

  test('come at their stages where none are asked for', async () => {
    const { seen } = await seenWith(undefined);

    const known = new Set<string>();
    const fresh = STAGES.map((stage) => {
      const names = Object.keys(seen[stage] ?? {}).filter((name) => !known.has(name));
      for (const name of names) known.add(name);
      return [stage, names.sort()];
    });
    expect(Object.fromEntries(fresh)).toEqual(NEW_NAMES[mta]);
  });

  test('have the values that the client and the MTA have given them', async () => {
    const { seen, id } = await seenWith(undefined);

    expect(seen.connect).toMatchObject({ j: 'mx.test.example' });
    expect(seen.mail).toMatchObject({ mail_addr: 'alice@src.example' });
    expect(seen.rcpt).toMatchObject({ rcpt_addr: 'bob@dst.example' });
    expect(seen.eom).toMatchObject({ i: id, j: 'mx.test.example', mail_addr: 'alice@src.example' });
    // what was said of a recipient ends with the recipients
    expect(seen.data).not.toHaveProperty('rcpt_addr');
  });

  test.each([
    ['eom', { eom: ['i', '{mail_addr}'] }, ['eom']],
    ['eoh', { eoh: ['i'] }, ['eoh', 'eom']],
    ['eoh and eom', { eoh: ['i'], eom: ['i', 'j'] }, ['eoh', 'eom']],
  ] as const)('come when they are asked for at %s', async (_name, lists, stages) => {
    // nothing at the stages before, so that what is there was sent for the list
    const none = ['{nothing}'];
    const { seen, id } = await seenWith({
      connect: none,
      helo: none,
      mail: none,
      rcpt: none,
      data: none,
      ...lists,
    });

    expect(id).toMatch(/^\w+$/);
    expect(seen.data).not.toHaveProperty('i');
    for (const stage of stages) expect(seen[stage]).toMatchObject({ i: id });
  });

  test('are the same whether their names are asked for with braces or without', async () => {
    const { seen } = await seenWith({ mail: ['i', 'mail_addr', '{client_addr}', '{j}'] });
    expect(seen.mail).toMatchObject({
      mail_addr: 'alice@src.example',
      client_addr: '127.0.0.1',
      j: 'mx.test.example',
    });
  });

  test('tell one recipient from the other', async () => {
    const seen: unknown[] = [];
    await bench().serve(
      on('rcpt', ({ address, session }) => {
        seen.push([address, session.macros.get('{rcpt_addr}')]);
        return address === 'cid@dst.example' ? reject() : undefined;
      }),
    );
    const client = await bench().greeted();
    await client.command('MAIL FROM:<alice@src.example>');
    for (const name of ['bob', 'cid', 'dan']) await client.command(`RCPT TO:<${name}@dst.example>`);

    expect(seen).toEqual(['bob', 'cid', 'dan'].map((name) => [`${name}@dst.example`, `${name}@dst.example`]));
  });

  test('say which MTA it is', async () => {
    const names: string[] = [];
    await bench().serve(observe(STAGES, ({ session }) => void names.push(session.mta)));
    const client = await bench().greeted();
    expect(await client.deliver({ data: DATA })).toMatch(/^250 /);

    expect(names).toHaveLength(STAGES.length + 1); // two headers
    expect(new Set(names)).toEqual(new Set([mta]));
  });
});
