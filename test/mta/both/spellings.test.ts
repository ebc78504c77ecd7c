import { compose, observe, onMessage, parseAddress } from 'rxmilter';
import { expect, test } from 'vitest';

import { describeMtas } from '../support/describe-mtas.js';

/** What an SMTP client may write behind `RCPT TO:`. */
const SPELLINGS = [
  '<bob@dst.example>',
  'bob@dst.example',
  '<BOB@dst.EXAMPLE>',
  '<bob@dst.example.>',
  '<bob@dst.example..>',
  '<"bob"@dst.example>',
  '<"b\\ob"@dst.example>',
  '<b\\ob@dst.example>',
  '<b"o"b@dst.example>',
  '<bob""@dst.example>',
  '<bob@"dst.example">',
  '<"bob"."x"@dst.example>',
  '<bob.x@dst.example>',
  '<bob x@dst.example>',
  '<bob(c)x@dst.example>',
  '<"bob x"@dst.example>',
  '<"bob@dst.example>',
  '<bob@"dst.example>',
  '<.bob@dst.example>',
  '<bob.@dst.example>',
  '<bob..x@dst.example>',
  '<@relay.example:bob@dst.example>',
  '<@a.example,@b.example:bob@dst.example>',
  '<@[127.0.0.1]:bob@dst.example>',
  '<@relay.example:"bob"@dst.example.>',
  '<@relay.example:@x.example:bob@dst.example>',
  '<@bob@dst.example>',
  '<bob%dst.example>',
  '<dst.example!bob>',
  '<x!dst.example!bob>',
  '<bob%dst.example%x.example>',
  '<"bob%dst.example">',
  '<"bob@dst.example">',
  '<"\\"bob\\"@dst.example">',
  '<"@x.example:bob@dst.example">',
  '<bob\\@dst.example>',
  '<bob%dst.example@x.example>',
  '<dst.example!bob@x.example>',
  '<"bob@dst.example"@x.example>',
  '<bob@dst.example@x.example>',
  '<bob(comment)@dst.example>',
  '<bob@dst.example(comment)>',
  '<(x (y))bob@dst.example>',
  '<bob@dst.example(>',
  '< bob @ dst . example >',
  '<bob@dst example>',
  '<<bob@dst.example>>',
  '<Bob <bob@dst.example>>',
  '<bob@dst.example>x',
  '<bob@dst.example> (x)',
  '<bob@dst.example,>',
  '<bob@dst.example;>',
  '<smtp:bob@dst.example>',
  '<bob,x@dst.example>',
  '<x@dst.example,bob@dst.example>',
  '<@dst.example>',
  '<bob@[192.0.2.1]>',
];

/** The name of a group goes with Postfix only. */
const OWN = { postfix: ['<x:bob@dst.example;>'], sendmail: [] } as const;

/** The mailbox of a path as it was delivered, without its arguments. */
function mailboxOf(path: string): string {
  return parseAddress(path.replace(/(?<=>) .*$/, '')).mailbox;
}

describeMtas('the mailbox of a path', (bench, mta) => {
  test.each([...SPELLINGS, ...OWN[mta]])(
    'is for %s that which the server knows and delivers to',
    async (spelling) => {
      const seen: Record<string, unknown[]> = { events: [], macros: [], drafts: [] };
      await bench().serve(
        compose(
          observe(['mail', 'rcpt'], ({ stage, mailbox, session }) => {
            seen.events?.push(mailbox);
            const known = session.macros.get(stage === 'mail' ? '{mail_addr}' : '{rcpt_addr}');
            if (known !== undefined) seen.macros?.push(parseAddress(known).mailbox);
          }),
          onMessage({ body: 'none' }, (_message, { draft }) => {
            seen.drafts?.push(
              draft.sender.mailbox,
              ...Array.from(draft.recipients, ({ mailbox }) => mailbox),
            );
          }),
        ),
      );
      const client = await bench().greeted();
      if (!(await client.command(`MAIL FROM:${spelling}`)).startsWith('250 ')) return;
      if (!(await client.command(`RCPT TO:${spelling}`)).startsWith('250 ')) return;
      await client.command('DATA');
      client.write('Subject: spelling\r\n\r\nThe body.\r\n.\r\n');
      await client.reply();
      const { mail, rcpts } = await bench().sink.next();
      const sender = mailboxOf(mail);
      // On the way out Sendmail puts its own name behind a sender that has no `@` outside quotes.
      const delivered = [
        sender.endsWith('@mx.test.example') ? seen.macros?.[0] : sender,
        ...rcpts.map(mailboxOf),
      ];
      expect(seen).toEqual({ events: delivered, macros: delivered, drafts: delivered });
    },
  );

  test.each([...SPELLINGS, ...OWN[mta], '<"john doe"@dst.example>', '<"a<b>@c"@dst.example>'])(
    'lets a draft delete %s as it was shown',
    async (spelling) => {
      await bench().serve(
        onMessage({ body: 'none' }, ({ recipients: [first] }, { draft }) => {
          if (first !== undefined) draft.recipients.delete(first.address);
        }),
      );
      const client = await bench().greeted();
      await client.command('MAIL FROM:<alice@src.example>');
      if (!(await client.command(`RCPT TO:${spelling}`)).startsWith('250 ')) return;
      await client.command('RCPT TO:<cid@dst.example>');
      await client.command('DATA');
      client.write('Subject: spelling\r\n\r\nThe body.\r\n.\r\n');
      await client.reply();
      const { rcpts } = await bench().sink.next();
      expect(rcpts.map((one) => one.replace(/(?<=>) .*$/, ''))).toEqual(['<cid@dst.example>']);
    },
  );

  test.each([
    '"john doe"@dst.example',
    '"a<b>"@dst.example',
    '"with \\" quote"@dst.example',
    '"a@b, c;"@dst.example',
    '".a..b."@dst.example',
    "o'brien+tag=x/y@dst.example",
    'bob@[192.0.2.1]',
    'bob@dst.example.',
    'plain@dst.example',
  ])('takes %s for a sender and a recipient', async (address) => {
    await bench().serve(
      onMessage({ body: 'none' }, (_message, { draft }) => {
        draft.sender = address;
        draft.recipients.add(address);
      }),
    );
    const client = await bench().greeted();
    await client.command('MAIL FROM:<alice@src.example>');
    await client.command('RCPT TO:<cid@dst.example>');
    await client.command('DATA');
    client.write('Subject: spelling\r\n\r\nThe body.\r\n.\r\n');
    expect(await client.reply()).toMatch(/^250 /);
    const { mail, rcpts } = await bench().sink.next();
    expect(mailboxOf(mail)).toBe(parseAddress(address).mailbox);
    expect(rcpts.map(mailboxOf).sort()).toEqual([parseAddress(address).mailbox, 'cid@dst.example'].sort());
  });

  test.each([...SPELLINGS, ...OWN[mta]])('lets a draft delete %s by its mailbox', async (spelling) => {
    await bench().serve(
      onMessage({ body: 'none' }, (_message, { draft }) => void draft.recipients.delete('bob@dst.example')),
    );
    const client = await bench().greeted();
    await client.command('MAIL FROM:<alice@src.example>');
    if (!(await client.command(`RCPT TO:${spelling}`)).startsWith('250 ')) return;
    await client.command('RCPT TO:<cid@dst.example>');
    await client.command('DATA');
    client.write('Subject: spelling\r\n\r\nThe body.\r\n.\r\n');
    await client.reply();
    const { rcpts } = await bench().sink.next();
    expect(rcpts.map(mailboxOf)).not.toContain('bob@dst.example');
  });
});
