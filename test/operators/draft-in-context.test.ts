import { Observable, of, timer, map } from 'rxjs';
import {
  addHeader,
  compose,
  edit,
  on,
  onMessage,
  quarantine,
  reject,
  type Filter,
  type Outcome,
} from 'rxmilter';
import { deliver, type Delivery } from 'rxmilter/mta';
import { describe, expect, it, vi } from 'vitest';

interface Sent {
  readonly delivery: Delivery;
  readonly headers: string[];
  readonly errors: string[];
}

async function send(filter: Filter, body = 'Hi\r\n'): Promise<Sent> {
  const outcomes: Outcome[] = [];
  const delivery = await deliver(
    { sender: 'a@b.test', recipients: ['bob@example.org'], headers: [['Subject', 'Hello']], body },
    { to: filter, outcome: (one) => void outcomes.push(one) },
  );
  const headers = delivery.headers
    .filter(({ name }) => name !== 'Received')
    .map(({ name, value }) => `${name}: ${value}`);
  return { delivery, headers, errors: outcomes.flatMap(({ error }) => error?.message ?? []) };
}

const TAGGED = ['Subject: Hello', 'X-Tag: yes'];

describe('the draft in the context of onMessage()', () => {
  it.each<[string, Filter]>([
    ['returns nothing', onMessage((_message, { draft }) => void draft.headers.append('X-Tag', 'yes'))],
    [
      'is async',
      onMessage(async (_message, { draft }) => {
        await Promise.resolve();
        draft.headers.append('X-Tag', 'yes');
      }),
    ],
    [
      'gives an Observable',
      onMessage((_message, { draft }) =>
        timer(1).pipe(
          map(() => {
            draft.headers.append('X-Tag', 'yes');
            return undefined;
          }),
        ),
      ),
    ],
    [
      'is a generator',
      onMessage(function* (_message, { draft }) {
        draft.headers.append('X-Tag', 'yes');
        yield undefined;
      }),
    ],
    [
      'reads the body as it arrives',
      onMessage({ body: 'stream' }, async ({ body }, { draft }) => {
        let bytes = 0;
        for await (const piece of body) bytes += piece.length;
        draft.headers.append('X-Tag', bytes === 4 ? 'yes' : 'no');
      }),
    ],
    [
      'does without a body',
      onMessage({ body: 'none' }, (_message, { draft }) => void draft.headers.append('X-Tag', 'yes')),
    ],
  ])('counts where the project %s', async (_what, filter) => {
    expect(await send(filter)).toMatchObject({ headers: TAGGED, errors: [] });
  });

  it('changes headers, recipients, sender and body, beside other answers', async () => {
    const filter = onMessage((_message, { draft }) => {
      draft.headers.set('Subject', 'Changed');
      draft.recipients.delete('bob@example.org');
      draft.recipients.add('desk@example.org');
      draft.sender = 'c@d.test';
      draft.body = 'Bye\r\n';
      return [quarantine('Odd'), addHeader('X-Other', '1')];
    });
    const { delivery, headers } = await send(filter);
    expect(headers).toEqual(['Subject: Changed', 'X-Other: 1']);
    expect(delivery).toMatchObject({
      quarantined: 'Odd',
      sender: { address: 'c@d.test' },
      recipients: [{ address: 'desk@example.org' }],
    });
    expect(delivery.body.toString()).toBe('Bye\r\n');
  });

  it('is dropped where the message is refused', async () => {
    const filter = onMessage((_message, { draft }) => {
      draft.headers.append('X-Tag', 'yes');
      return reject('No');
    });
    const { delivery, errors } = await send(filter);
    expect([delivery.outcome, delivery.modifications, errors]).toEqual(['refused', [], []]);
  });

  it('begins with what earlier filters have changed, and shows later ones its own', async () => {
    const seen: string[] = [];
    const add = (value: string): Filter =>
      onMessage(({ headers }, { draft }) => {
        seen.push(headers.getAll('X-Tag').join());
        draft.headers.append('X-Tag', value);
      });
    expect((await send(compose(add('1'), add('2')))).headers).toEqual([
      'Subject: Hello',
      'X-Tag: 1',
      'X-Tag: 2',
    ]);
    expect(seen).toEqual(['', '1']);
  });

  it('makes no change where none was made', async () => {
    const { delivery } = await send(onMessage((_message, { draft }) => void draft.headers.get('Subject')));
    expect(delivery.modifications).toEqual([]);
  });

  it('is one edit, so that edit() beside it is an error', async () => {
    const filter = onMessage((message, { draft }) => {
      draft.headers.append('X-Tag', 'yes');
      return edit(message, ({ headers }) => void headers.append('X-Two', 'yes'));
    });
    const { delivery, errors } = await send(filter);
    expect(delivery.outcome).toBe('deferred');
    expect(errors).toEqual([expect.stringContaining('a second edit of the same message')]);
  });

  it('fails the message where it is given what cannot stand in one', async () => {
    const { delivery, errors } = await send(
      onMessage((_message, { draft }) => void draft.headers.append('X Tag', 'yes')),
    );
    expect(delivery.outcome).toBe('deferred');
    expect(errors).toEqual([expect.stringContaining('draft.headers.append')]);
  });

  it('refuses changes after the end of its project', async () => {
    const late: unknown[] = [];
    const tried = vi.fn();
    const attempt = (change: () => void): void => {
      try {
        change();
        tried();
      } catch (error) {
        late.push((error as Error).message);
      }
    };
    await send(
      onMessage((_message, { draft }) => {
        draft.headers.append('X-Tag', 'yes');
        setImmediate(() => {
          attempt(() => void draft.headers.append('X-Late', 'yes'));
          attempt(() => void draft.headers.delete('Subject'));
          attempt(() => void draft.recipients.add('late@example.org'));
          attempt(() => void draft.recipients.delete('bob@example.org'));
          attempt(() => draft.recipients.clear());
          attempt(() => void (draft.sender = 'late@example.org'));
          attempt(() => void (draft.body = 'Late\r\n'));
        });
      }),
    );
    await vi.waitFor(() => expect(late).toHaveLength(7));
    expect(new Set(late)).toEqual(
      new Set([expect.stringMatching(/^draft: it was changed after its function had ended/)]),
    );
    expect(tried).not.toHaveBeenCalled();
  });

  it('has values that cannot stand in a header mended, sent and told', async () => {
    const filter = onMessage((_message, { draft }) => {
      draft.headers.append('X-Tag', 'yes\r\nBcc: all');
    });
    expect(await send(filter)).toMatchObject({
      headers: ['Subject: Hello', 'X-Tag: yes Bcc: all'],
      errors: [
        expect.stringMatching(
          /^draft\.headers\.append X-Tag: the value holds .* \(at draft-in-context\.test\.ts:\d+/,
        ),
      ],
    });
  });

  it('stands beside the size of the message, header and body', async () => {
    const sizes: number[] = [];
    const note = onMessage(({ size }) => void sizes.push(size));
    const bare = onMessage({ body: 'none' }, ({ size }, { draft }) => {
      sizes.push(size);
      draft.headers.append('X', 'y');
    });
    await send(compose(bare, note));
    // "Subject: Hello" and the empty line; then with "X: y" and "Hi", each with CRLF.
    expect(sizes).toEqual([16 + 2, 16 + 6 + 2 + 4]);
  });

  it('is not there for the project of an event', async () => {
    const filter = on('eom', (_eom, context) => {
      Reflect.get(context, 'draft');
    });
    const { errors } = await send(filter);
    expect(errors).toEqual([
      expect.stringContaining('draft: a message has one as a whole, in the project of onMessage()'),
    ]);
  });

  it('is there in a promise of a stream, too', async () => {
    const filter = onMessage(
      (_message, { draft }) =>
        Promise.resolve(
          new Observable<undefined>((subscriber) => {
            draft.headers.append('X-Tag', 'yes');
            subscriber.complete();
          }),
        ) as never,
    );
    expect((await send(filter)).headers).toEqual(TAGGED);
    expect((await send(onMessage(() => of(undefined)))).delivery.modifications).toEqual([]);
  });
});
