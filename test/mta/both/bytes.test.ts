import { addHeader, changeHeader, compose, observe, on, type Header } from 'rxmilter';
import { expect, test } from 'vitest';

import { describeMtas } from '../support/describe-mtas.js';
import { maskReceived, RECEIVED } from '../support/mask-received.js';

/** The bytes of a text, one character for each. */
function latin1(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}

/** A text as `latin1` would show its UTF-8 bytes. */
function utf8(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

describeMtas('bytes', (bench) => {
  test.each([
    ['Latin-1', 'Gr\xfc\xdfe', 'Grüße'],
    ['UTF-8', utf8('Grüße ✓'), 'Grüße ✓'],
    ['neither', '\x80\xff', '\x80\xff'],
    ['folded', 'one\r\n two\r\n\tthree', 'one\n two\n\tthree'],
    ['folded Latin-1', 'Gr\xfc\xdfe\r\n an alle', 'Grüße\n an alle'],
    ['with more blanks before it', '  two blanks', '  two blanks'],
    ['with a tab before it', '\ttab', '\ttab'],
    ['with blanks after it', 'blanks  ', 'blanks  '],
    ['empty', '', ''],
  ])('a header that is %s comes in and goes out byte for byte', async (_name, bytes, value) => {
    const seen: Header[] = [];
    await bench().serve(
      compose(
        observe('header', (header) => void seen.push(header)),
        on('eom', () =>
          seen.slice(0, 1).flatMap(({ raw }) => [addHeader('X-Echo', raw), changeHeader('X-Changed', raw)]),
        ),
      ),
    );
    const client = await bench().greeted();
    const data = latin1(`X-In: ${bytes}\r\nX-Changed: old\r\n\r\nBody\r\n`);
    expect(await client.deliver({ data })).toMatch(/^250 /);

    expect(seen[0]).toMatchObject({ name: 'X-In', value });
    expect(Buffer.from(seen[0]?.raw ?? [])).toEqual(latin1(bytes.replaceAll('\r\n', '\n')));
    const changed = bytes === '' ? '' : `X-Changed: ${bytes}\r\n`; // an empty value deletes
    expect(maskReceived((await bench().sink.next()).data)).toBe(
      `${RECEIVED}X-In: ${bytes}\r\n${changed}X-Echo: ${bytes}\r\n\r\nBody\r\n`,
    );
  });

  test('a header without a blank after the colon stays as it is', async () => {
    const seen: string[] = [];
    await bench().serve(observe('header', ({ value }) => void seen.push(value)));
    expect(await (await bench().greeted()).deliver({ data: 'X-Tight:value\r\n\r\n' })).toMatch(/^250 /);

    expect(seen).toEqual(['value']);
    expect(maskReceived((await bench().sink.next()).data)).toBe(`${RECEIVED}X-Tight:value\r\n\r\n`);
  });

  test('a header of fifty thousand bytes comes in and goes out', async () => {
    const long = Array.from({ length: 700 }, (_none, line) => `${line} ${'x'.repeat(66)}`).join('\r\n\t');
    const seen: string[] = [];
    await bench().serve(
      compose(
        observe('header', ({ value }) => void seen.push(value)),
        on('eom', () => addHeader('X-Echo', long)),
      ),
    );
    expect(await (await bench().greeted()).deliver({ data: `X-Long: ${long}\r\n\r\n` })).toMatch(/^250 /);

    expect(seen).toEqual([long.replaceAll('\r\n', '\n')]);
    expect(maskReceived((await bench().sink.next()).data)).toBe(
      `${RECEIVED}X-Long: ${long}\r\nX-Echo: ${long}\r\n\r\n`,
    );
  });

  test('text is written as UTF-8', async () => {
    await bench().serve(on('eom', () => addHeader('X-Text', 'Grüße ✓')));
    expect(await (await bench().greeted()).deliver({ data: 'Subject: x\r\n\r\n' })).toMatch(/^250 /);

    expect((await bench().sink.next()).data.toString('utf8')).toContain('X-Text: Grüße ✓\r\n');
  });

  test('every byte of a body', async () => {
    const body = latin1(
      Array.from({ length: 256 }, (_none, code) => String.fromCharCode(code))
        .filter((char) => char !== '\n' && char !== '\r')
        .join('') + '\r\n..\r\n.\tx\r\n\r\n\r\n',
    );
    const seen: Uint8Array[] = [];
    await bench().serve(observe('body', ({ chunk }) => void seen.push(Buffer.from(chunk))));
    const client = await bench().greeted();
    const data = Buffer.concat([latin1('Subject: x\r\n\r\n'), body]);
    expect(await client.deliver({ mail: '<alice@src.example> BODY=8BITMIME', data })).toMatch(/^250 /);

    expect(Buffer.concat(seen)).toEqual(body);
    expect((await bench().sink.next()).data.subarray(-body.length)).toEqual(body);
  });
});
