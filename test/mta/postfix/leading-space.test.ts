import { addHeader, changeHeader, compose, observe, on } from 'rxmilter';
import { expect, test } from 'vitest';

import { describePostfix } from '../support/describe-postfix.js';
import { maskReceived, RECEIVED } from '../support/mask-received.js';

describePostfix(
  'the leading space behind a Postfix of version 2, which takes it away and adds it',
  (bench) => {
    test('looks to the filter as if it was kept', async () => {
      const seen: string[] = [];
      await bench().serve(
        compose(
          observe('header', ({ value }) => void seen.push(value)),
          on('eom', () => [
            changeHeader('X-In', ' new'),
            addHeader('X-Blank', ' value'),
            addHeader('X-Bare', 'value'),
          ]),
        ),
        { leadingSpace: true },
      );
      const client = await bench().greeted('version2');
      expect(await client.deliver({ data: 'X-In: old\r\nX-Two:  two\r\n\r\nBody\r\n' })).toMatch(/^250 /);

      expect(seen).toEqual([' old', '  two']);
      expect(maskReceived((await bench().sink.next()).data)).toBe(
        `${RECEIVED}X-In: new\r\nX-Two:  two\r\nX-Blank: value\r\nX-Bare: value\r\n\r\nBody\r\n`,
      );
    });
  },
);
