import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { on, serve, SMFIP } from 'rxmilter';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { parseEndpoint } from '../../src/transport/sockets/endpoint.js';
import { replyCodec } from '../../src/transport/wire/replies.js';
import { frames } from '../support/vectors.js';

/** A filter that has no use for DATA: Postfix would pause after it over TCP if it had no answer. */
describe('DATA that no filter wants', () => {
  let directory: string;
  beforeEach(() => void (directory = mkdtempSync(join(tmpdir(), 'rxmilter-'))));
  afterEach(() => rmSync(directory, { recursive: true }));

  /** The protocol flags agreed to, and the answers to MAIL and DATA where these are sent. */
  async function talk(listen: string, offer: 'C01' | 'C02'): Promise<{ flags: number; answers: string }> {
    const server = await serve(
      on('eom', () => undefined),
      { listen },
    );
    const endpoint = parseEndpoint(server.address);
    const client =
      endpoint.family === 'unix' ? connect(endpoint.path) : connect(endpoint.port, endpoint.host);
    try {
      client.write(frames(offer));
      const [agreed] = (await once(client, 'data')) as [Buffer];
      const optneg = replyCodec.decode(agreed[4] ?? 0, agreed, 5, agreed.length);
      if (optneg.type !== 'optneg') throw new Error('This is no negotiation.');
      client.write(
        frames(...((optneg.protocol & SMFIP.NODATA) === 0 ? (['C18', 'C26'] as const) : (['C26'] as const))),
      );
      const [answered] = (await once(client, 'data')) as [Buffer];
      return { flags: optneg.protocol & (SMFIP.NODATA | SMFIP.NR_DATA), answers: answered.toString('hex') };
    } finally {
      client.destroy();
      await server.close();
    }
  }

  it('is answered over TCP', async () => {
    expect(await talk('inet:0@127.0.0.1', 'C01')).toEqual({ flags: 0, answers: '00000001630000000163' });
  });

  it('is switched off on a Unix socket', async () => {
    const { flags, answers } = await talk(`unix:${directory}/socket`, 'C01');
    expect([flags, answers]).toEqual([SMFIP.NODATA, '0000000163']);
  });

  it('is not asked of an MTA that does not have it', async () => {
    expect((await talk('inet:0@127.0.0.1', 'C02')).flags).toBe(0);
  });
});
