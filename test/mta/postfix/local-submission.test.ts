import {
  addHeader,
  addRecipient,
  compose,
  discard,
  observe,
  on,
  replaceBody,
  type MilterEvent,
} from 'rxmilter';
import { expect, test } from 'vitest';

import { describePostfix } from '../support/describe-postfix.js';
import { eventually } from '../support/eventually.js';
import { noting } from '../support/noting.js';
import { plainRecipients } from '../support/plain-recipients.js';
import { stages } from '../support/stages.js';

const MESSAGE = 'From: cron@src.example\nSubject: local\n\nThe body.\n';

describePostfix(
  'mail of local programs behind Postfix',
  (bench) => {
    test('comes as if a client on this machine had sent it', async () => {
      const seen: MilterEvent[] = [];
      await bench().serve(noting(seen));
      await bench().postfix.submit('cron@src.example', ['ann@dst.example', 'bob@dst.example'], MESSAGE);
      await bench().sink.next();
      await eventually('the end of the session', () => seen.some(({ stage }) => stage === 'close'));

      expect(stages(seen).filter((stage, at, all) => stage !== all[at - 1])).toEqual([
        'connect',
        'helo',
        'mail',
        'rcpt',
        'data',
        'header',
        'eoh',
        'body',
        'eom',
        'close',
      ]);
      expect(seen[0]).toMatchObject({ host: 'localhost', family: 'inet', address: '127.0.0.1', port: 0 });
      expect(seen[1]).toMatchObject({ name: 'localhost' });
      expect(seen[2]).toMatchObject({ address: 'cron@src.example', args: [] });
      expect(seen.filter(({ stage }) => stage === 'rcpt')).toMatchObject([
        { address: 'ann@dst.example', args: [] },
        { address: 'bob@dst.example', args: [] },
      ]);
    });

    test('is changed like any other mail', async () => {
      await bench().serve(
        on('eom', ({ session }) => [
          addHeader('X-Queue-Id', session.macros.get('i') ?? ''),
          addRecipient('cid@dst.example', ['NOTIFY=NEVER']),
          replaceBody('New body.\r\n'),
        ]),
      );
      await bench().postfix.submit('cron@src.example', ['bob@dst.example'], MESSAGE);

      const delivered = await bench().sink.next();
      expect(plainRecipients(delivered)).toEqual(['<bob@dst.example>', '<cid@dst.example> NOTIFY=NEVER']);
      const text = delivered.data.toString();
      const id = /\tid (\w+);/.exec(text)?.[1] ?? 'no queue id';
      expect(text).toContain(`X-Queue-Id: ${id}\r\n\r\nNew body.\r\n`);
    });

    test('has an empty sender when it comes from nobody', async () => {
      const senders: string[] = [];
      await bench().serve(observe('mail', ({ address }) => void senders.push(address)));
      await bench().postfix.submit('<>', ['bob@dst.example'], MESSAGE);

      expect((await bench().sink.next()).mail).toBe('<>');
      expect(senders).toEqual(['']);
    });

    test('can be discarded', async () => {
      await bench().serve(
        compose(on('mail', ({ address }) => (address === 'spam@src.example' ? discard() : undefined))),
      );
      await bench().postfix.submit('spam@src.example', ['bob@dst.example'], MESSAGE);
      await bench().postfix.submit('cron@src.example', ['bob@dst.example'], MESSAGE);

      expect((await bench().sink.next()).mail).toBe('<cron@src.example>');
      await bench().postfix.queue.idle();
      expect(bench().sink.kept).toEqual([]);
      expect(await bench().postfix.queue.list()).toEqual([]);
    });
  },
  ({ inet }) => ({ non_smtpd_milters: inet ?? '' }),
);
