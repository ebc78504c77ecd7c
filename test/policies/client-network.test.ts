import fc from 'fast-check';
import { BlockList } from 'node:net';
import { clientNetwork } from 'rxmilter/policies';
import { describe, expect, it } from 'vitest';

describe('clientNetwork', () => {
  it.each([
    ['inet', '192.0.2.77', {}, '192.0.2.0/24'],
    ['inet', '192.0.2.77', { ipv4: 32 }, '192.0.2.77/32'],
    ['inet', '192.0.2.77', { ipv4: 26 }, '192.0.2.64/26'],
    ['inet', '255.255.255.255', { ipv4: 0 }, '0.0.0.0/0'],
    ['inet6', '2001:db8:1:2:3:4:5:6', {}, '2001:db8:1:2:0:0:0:0/64'],
    ['inet6', '2001:DB8::1', { ipv6: 128 }, '2001:db8:0:0:0:0:0:1/128'],
    ['inet6', '2001:db8:1:fff2::', { ipv6: 60 }, '2001:db8:1:fff0:0:0:0:0/60'],
    ['inet6', '::', {}, '0:0:0:0:0:0:0:0/64'],
    ['inet6', 'fe80::1%eth0', {}, 'fe80:0:0:0:0:0:0:0/64'],
    ['inet6', '::ffff:192.0.2.77', {}, '192.0.2.0/24'],
    ['inet6', '::ffff:c000:24d', {}, '192.0.2.0/24'],
    ['inet6', '64:ff9b::192.0.2.77', { ipv6: 128 }, '64:ff9b:0:0:0:0:c000:24d/128'],
    ['unix', '/run/smtp.sock', {}, '/run/smtp.sock'],
    ['unknown', '', {}, 'unknown'],
  ] as const)('of %s %s with %o is %4$s', (family, address, size, network) => {
    expect(clientNetwork({ family, address }, size)).toBe(network);
  });

  it('is the network that Node says the address is in', () => {
    const v4 = fc.tuple(fc.constant('ipv4' as const), fc.ipV4(), fc.nat(32));
    const v6 = fc.tuple(fc.constant('ipv6' as const), fc.ipV6(), fc.nat(128));
    fc.assert(
      fc.property(fc.oneof(v4, v6), ([kind, address, bits]) => {
        const mapped = /^(0*:)*:ffff:/i.test(address);
        fc.pre(!mapped);
        const family = kind === 'ipv4' ? 'inet' : 'inet6';
        const [network = '', prefix] = clientNetwork({ family, address }, { [kind]: bits }).split('/');
        expect(prefix).toBe(String(bits));
        const list = new BlockList();
        list.addSubnet(network, bits, kind);
        expect(list.check(address, kind)).toBe(true);
        // Of all its addresses the network has one name.
        expect(clientNetwork({ family, address: network }, { [kind]: bits })).toBe(`${network}/${bits}`);
      }),
    );
  });

  it.each([
    [{ ipv4: 33 }, 'clientNetwork(): ipv4 is 33; it has to be a whole number from 0 to 32.'],
    [{ ipv6: 129 }, 'clientNetwork(): ipv6 is 129; it has to be a whole number from 0 to 128.'],
    [{ ipv6: -1 }, 'clientNetwork(): ipv6 is -1; it has to be a whole number from 0 to 128.'],
  ])('refuses %o', (size, message) => {
    expect(() => clientNetwork({ family: 'inet', address: '192.0.2.1' }, size)).toThrow(
      new RangeError(message),
    );
  });
});
