import { addHeader, changeHeader, compose, insertHeader, observe, on } from 'rxmilter';
import { expect, test } from 'vitest';

import { describeMtas } from '../support/describe-mtas.js';
import { maskReceived, RECEIVED } from '../support/mask-received.js';

/** The bytes of a text, one character for each. */
function latin1(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}

describeMtas('the leading space', (bench) => {
  test.each([
    ['one blank', ' value'],
    ['none', 'value'],
    ['two', '  value'],
    ['a tab', '\tvalue'],
    ['nothing but a blank', ' '],
    ['blanks at the end', ' value  '],
    ['Latin-1', ' Gr\xfc\xdfe'],
    ['folded with tabs', ' one\r\n\ttwo\r\n\t three'],
    ['folded with the first line empty', '\r\n\tvalue'],
  ])('is kept from what comes in to what goes out, byte for byte: %s', async (_what, bytes) => {
    const seen: Uint8Array[] = [];
    await bench().serve(
      compose(
        observe('header', ({ raw }) => void seen.push(raw)),
        on('eom', ({ session }) => {
          expect(session.protocol).toContain('HDR_LEADSPC');
          const [raw = latin1('')] = seen;
          return [insertHeader('top', 'X-Top', raw), changeHeader('X-Old', raw), addHeader('X-End', raw)];
        }),
      ),
      { leadingSpace: true },
    );
    const data = latin1(`X-In:${bytes}\r\nX-Old: old\r\n\r\nBody\r\n`);
    expect(await (await bench().greeted()).deliver({ data })).toMatch(/^250 /);

    expect(Buffer.from(seen[0] ?? []).toString('latin1')).toBe(bytes.replaceAll('\r\n', '\n'));
    expect(maskReceived((await bench().sink.next()).data)).toBe(
      `X-Top:${bytes}\r\n${RECEIVED}X-In:${bytes}\r\nX-Old:${bytes}\r\nX-End:${bytes}\r\n\r\nBody\r\n`,
    );
  });

  test('is the filter’s to write, and is missing where it writes none', async () => {
    await bench().serve(
      on('eom', () => [addHeader('X-Bare', 'value'), addHeader('X-Blank', ' value')]),
      { leadingSpace: true },
    );
    expect(await (await bench().greeted()).deliver({ data: 'X-In: 1\r\n\r\n' })).toMatch(/^250 /);
    expect(maskReceived((await bench().sink.next()).data)).toBe(
      `${RECEIVED}X-In: 1\r\nX-Bare:value\r\nX-Blank: value\r\n\r\n`,
    );
  });
});
