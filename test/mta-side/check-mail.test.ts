import { describe, expect, it } from 'vitest';

import { observe } from '../../src/index.js';
import type { ClientMail } from '../../src/mta/client-mail.js';
import { deliver } from '../../src/mta/deliver.js';
import { MtaSession } from '../../src/mta/mta-session.js';

const MAIL: ClientMail = { sender: '', recipients: ['b@example.org'] };

describe('a mail that cannot be sent', () => {
  it.each([
    [{ sender: undefined }, 'mail.sender: undefined cannot be sent. It has to be an address'],
    [{ sender: 'a@b\r\nDATA' }, 'mail.sender: "a@b\\r\\nDATA" cannot be sent'],
    [
      { sender: { address: 'a', args: 'SIZE=1' } },
      'mail.sender.args: "SIZE=1" cannot be sent. It has to be a list of',
    ],
    [{ recipients: 'b@example.org' }, 'mail.recipients: "b@example.org" cannot be sent. It has to be a list'],
    [{ recipients: ['b', null] }, 'mail.recipients[1]: null cannot be sent'],
    [{ recipients: [{ address: 'b', args: ['X=\n'] }] }, 'mail.recipients[0].args: X=\n cannot be sent'],
    [{ headers: { Subject: 'Hi' } }, "has to be a list of [name, value], such as [['Subject', 'Hi']]"],
    [{ headers: ['Subject: Hi'] }, 'mail.headers[0]: "Subject: Hi" cannot be sent'],
    [
      { headers: [['Subject:', 'Hi']] },
      'mail.headers[0][0]: "Subject:" cannot be sent. It has to be the name',
    ],
    [{ headers: [['', 'Hi']] }, 'mail.headers[0][0]: "" cannot be sent'],
    [{ headers: [['A', 1]] }, 'mail.headers[0][1]: 1 cannot be sent. It has to be text or bytes'],
    [{ headers: [['A', 'x\0']] }, 'It has to be a value without NUL'],
    [{ headers: [['A', '', Buffer.from([0])]] }, 'It has to be a value without NUL'],
    [{ body: 1 }, 'mail.body: 1 cannot be sent. It has to be text or bytes'],
    [{ reset: 'data' }, "mail.reset: \"data\" cannot be sent. It has to be 'mail' or 'rcpt'"],
  ])('%j is refused before anybody hears of it', async (wrong, message) => {
    const heard: string[] = [];
    const to = observe(['connect', 'mail'], ({ stage }) => void heard.push(stage));
    const mail = { ...MAIL, ...wrong } as ClientMail;
    await expect(deliver(mail, { to })).rejects.toThrow(message);
    await expect(deliver(mail, { to })).rejects.toThrow(TypeError);
    expect(heard).toEqual([]);
  });

  it('leaves its session as it was', async () => {
    const session = await MtaSession.open({ to: observe('mail', () => undefined) });
    await expect(session.send({ ...MAIL, body: null as never })).rejects.toThrow(TypeError);
    expect((await session.send(MAIL)).outcome).toBe('delivered');
    await session.close();
  });
});
