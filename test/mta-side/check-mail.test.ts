import { observe } from 'rxmilter';
import { deliver, type ClientMail, MtaSession } from 'rxmilter/mta';
import { describe, expect, it } from 'vitest';

const MAIL: ClientMail = { sender: '', recipients: ['b@example.org'] };

describe('a mail that cannot be sent', () => {
  it.each([
    [{ sender: undefined }, "the field sender is missing. Use '' for the null sender."],
    [
      { sender: 'a@b\r\nDATA' },
      "sender is 'a@b\\r\\nDATA'; it has to be an address without control characters",
    ],
    [
      { sender: { address: 'a', args: 'SIZE=1' } },
      "sender.args is 'SIZE=1'; it has to be an array of arguments",
    ],
    [{ sender: { adress: 'a' } }, 'there is no field sender.adress. Did you mean sender.address?'],
    [{ recipients: 'b@example.org' }, "recipients is 'b@example.org'; it has to be an array of addresses"],
    [{ recipients: ['b', null] }, 'recipients[1] is null; it has to be an address'],
    [{ recipients: [{ address: 'b', args: ['X=\n'] }] }, "recipients[0].args[0] is 'X=\\n'"],
    [{ recipients: [{ address: 'b', refuse: {} }] }, 'Did you mean recipients[0].refused?'],
    [{ headers: { Subject: 'Hi' } }, "has to be an array of [name, value], such as [['Subject', 'Hi']]"],
    [{ headers: ['Subject: Hi'] }, "headers[0] is 'Subject: Hi'; it has to be [name, value]"],
    [{ headers: [['Subject:', 'Hi']] }, 'The name has to be without a colon, blanks and control characters.'],
    [{ headers: [['', 'Hi']] }, 'The name has to be without a colon, blanks and control characters.'],
    [{ headers: [['A', 1]] }, 'The value has to be a string or bytes.'],
    [{ headers: [['A', 'x\0']] }, 'The value has to be without NUL.'],
    [{ headers: [['A', '', Buffer.from([0])]] }, 'The value has to be without NUL.'],
    [{ body: 1 }, 'body is 1; it has to be a string or bytes.'],
    [{ reset: 5 }, "reset is 5; it has to be one of 'mail', 'rcpt'."],
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
