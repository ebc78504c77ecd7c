import fc from 'fast-check';
import { EndpointError } from 'rxmilter';
import { describe, expect, expectTypeOf, it } from 'vitest';

import {
  formatEndpoint,
  parseEndpoint,
  type Endpoint,
  type EndpointInput,
} from '../../src/transport/sockets/endpoint.js';

const inet = (port: number, host = '127.0.0.1'): Endpoint => ({ family: 'inet', host, port });
const inet6 = (port: number, host = '::1'): Endpoint => ({ family: 'inet6', host, port });
const unix = (path: string): Endpoint => ({ family: 'unix', path });

describe('parseEndpoint', () => {
  it.each<[EndpointInput, Endpoint]>([
    ['inet:8891@127.0.0.1', inet(8891)],
    ['inet:8891@localhost', inet(8891, 'localhost')],
    ['inet:8891@mail-1.filter_a.example.', inet(8891, 'mail-1.filter_a.example.')],
    ['inet:8891', inet(8891)],
    ['inet:0', inet(0)],
    ['inet:65535@0.0.0.0', inet(65535, '0.0.0.0')],
    ['INET:8891', inet(8891)],
    ['inet6:8891', inet6(8891)],
    ['inet6:8891@::1', inet6(8891)],
    ['inet6:8891@[::1]', inet6(8891)],
    ['inet6:8891@fe80::1%eth0', inet6(8891, 'fe80::1%eth0')],
    ['inet6:8891@localhost', inet6(8891, 'localhost')],
    ['inet:127.0.0.1:8891', inet(8891)],
    ['inet:localhost:8891', inet(8891, 'localhost')],
    ['inet:[::1]:8891', inet6(8891)],
    ['inet6:[::1]:8891', inet6(8891)],
    ['inet:8891@::1', inet6(8891)],
    ['inet:8891@[::1]', inet6(8891)],
    ['unix:/run/filter.sock', unix('/run/filter.sock')],
    ['local:/run/filter.sock', unix('/run/filter.sock')],
    ['Local:/run/filter.sock', unix('/run/filter.sock')],
    ['/run/filter.sock', unix('/run/filter.sock')],
    ['unix:/run/a filter:1@2.sock', unix('/run/a filter:1@2.sock')],
    [`unix:/${'x'.repeat(102)}`, unix(`/${'x'.repeat(102)}`)],
    [{ port: 8891 }, inet(8891)],
    [{ port: 8891, host: undefined }, inet(8891)],
    [{ port: 0, host: '0.0.0.0' }, inet(0, '0.0.0.0')],
    [{ port: 8891, host: '::1' }, inet6(8891)],
    [{ port: 8891, host: '[::1]' }, inet6(8891)],
    [{ path: '/run/filter.sock' }, unix('/run/filter.sock')],
    [inet6(8891, 'localhost'), inet6(8891, 'localhost')],
    [unix('/run/filter.sock'), unix('/run/filter.sock')],
  ])('reads %j', (input, endpoint) => {
    expect(parseEndpoint(input)).toEqual(endpoint);
  });

  it.each<[unknown, string]>([
    ['', 'it is empty; write "inet:port@host", "inet6:port@host" or "unix:/absolute/path"'],
    [' \n', 'it is empty'],
    ['inet:8891\n', 'there is white space around it; remove it'],
    ['tcp:8891@127.0.0.1', 'did you mean "inet:8891@127.0.0.1"?'],
    ['tcp6:8891@::1', 'did you mean "inet6:8891@::1"?'],
    ['tcp://localhost:8891', 'a milter is not reached by a URL: did you mean "inet:8891@localhost"?'],
    ['http://[::1]:8891/', 'did you mean "inet6:8891@::1"?'],
    ['http://localhost/', 'a milter is not reached by a URL (http); write "inet:port@host"'],
    ['file:///run/x.sock', 'did you mean "unix:/run/x.sock"?'],
    ['file:/run/x.sock', 'did you mean "unix:/run/x.sock"?'],
    ['S=inet:8891@localhost', 'did you mean "inet:8891@localhost"?'],
    ['localhost:8891', 'there is no family: did you mean "inet:8891@localhost"?'],
    ['127.0.0.1:8891', 'did you mean "inet:8891@127.0.0.1"?'],
    ['[::1]:8891', 'did you mean "inet6:8891@::1"?'],
    [':8891', 'did you mean "inet:8891"?'],
    ['8891', 'did you mean "inet:8891"?'],
    ['8891@localhost', 'did you mean "inet:8891@localhost"?'],
    [8891, 'did you mean "inet:8891"?'],
    ['run/x.sock', 'a path has to be absolute'],
    ['./x.sock', 'a path has to be absolute'],
    ['filter', 'write "inet:port@host", "inet6:port@host" or "unix:/absolute/path"'],
    ['inet:', 'the port is missing; write "inet:8891@127.0.0.1"'],
    ['inet6:', 'the port is missing; write "inet6:8891@::1"'],
    ['inet:@localhost', 'the port is missing; write "inet:8891@localhost"'],
    ['inet:localhost:', 'the port is missing; write "inet:8891@localhost"'],
    ['inet:8891@', 'the host after "@" is missing; write "inet:8891@127.0.0.1"'],
    ['inet::8891', 'the host before ":" is missing; did you mean "inet:8891"?'],
    ['inet:localhost@8891', 'port and host are swapped; did you mean "inet:8891@localhost"?'],
    ['inet:8891:localhost', 'port and host are swapped; did you mean "inet:8891@localhost"?'],
    ['inet:localhost', 'there is no port; write "inet:port@localhost"'],
    ['inet:127.0.0.1', 'there is no port; write "inet:port@127.0.0.1"'],
    ['inet:::1', 'there is no port; write "inet6:port@::1"'],
    ['inet:[::1]', 'there is no port; write "inet6:port@::1"'],
    ['inet:2001:db8::zz:8891', 'an IPv6 address needs brackets before a port'],
    ['inet:smtp', 'the port "smtp" is not a number; names of services are not looked up'],
    ['inet:-1', 'the port "-1" is not a number'],
    ['inet:65536', 'the port 65536 is out of range; use 1 to 65535, or 0 for any free port'],
    ['inet6:8891@127.0.0.1', '127.0.0.1 is an IPv4 address; did you mean "inet:8891@127.0.0.1"?'],
    ['inet:8891@127.0.0', 'the host "127.0.0" is not a valid IPv4 address'],
    ['inet:8891@[::zz]', 'the host "[::zz]" is not a valid IPv6 address'],
    ['inet:8891@127.0.0.1:25', 'the host "127.0.0.1:25" is not a valid IPv6 address'],
    ['inet:8891@a host', 'the host "a host" is neither an IP address nor a host name'],
    ['inet:8891@[127.0.0.1]', 'the host "[127.0.0.1]" is neither an IP address nor a host name'],
    ['unix:', 'the path is missing'],
    ['unix:run/x.sock', 'the path "run/x.sock" is relative'],
    ['unix:../x.sock', 'below its queue directory; here that is "unix:/var/spool/postfix/x.sock"'],
    ['unix:/run/filter/', 'the path is that of a directory'],
    ['unix:/run/\0x', 'the path contains a NUL'],
    [`unix:/${'ü'.repeat(54)}`, 'the path is 109 bytes long, and a socket'],
    [{ path: '/run/x.sock ' }, 'the path ends in white space'],
    [{ path: 'x.sock' }, 'the path "x.sock" is relative'],
    [{ path: 1 }, 'the path is not a string'],
    [{ path: '/x', port: 1 }, 'it has a port and a path; give one of them'],
    [{ path: '/x', host: 'h' }, 'a host does not go with a path'],
    [{ host: 'localhost' }, 'it has neither a port nor a path'],
    [{}, 'it has neither a port nor a path; give { port, host } or { path }'],
    [{ port: '8891' }, "the port '8891' is not a number"],
    [{ port: 70000 }, 'the port 70000 is out of range'],
    [{ port: 1.5 }, 'the port 1.5 is out of range'],
    [{ port: Number.NaN }, 'the port NaN is out of range'],
    [{ port: 1, host: '' }, 'the host after "@" is missing'],
    [{ port: 1, host: 2 }, 'the host is not a string'],
    [{ port: 1, family: 'IPv4' }, "the family 'IPv4' does not go with a port"],
    [undefined, 'a string or an object is needed'],
    [null, 'a string or an object is needed'],
  ])('refuses %j', (input, problem) => {
    const error = errorOf(() => parseEndpoint(input as EndpointInput));
    expect(error).toBeInstanceOf(EndpointError);
    expect(error).toMatchObject({ name: 'EndpointError', input });
    expect(error.message).toContain(problem);
    expect(error.message).toMatch(/^Cannot use .* as an endpoint: .*[^.?]([.]|\?)$/s);
  });

  it('proposes only what it would take', () => {
    for (const text of [
      'tcp:1@h',
      'http://h:1',
      'h:1',
      '[::1]:1',
      'inet:h@1',
      'inet6:1@127.0.0.1',
      'P=/x',
      '1@h',
    ]) {
      const proposal = /did you mean "(.*)"\?/.exec(errorOf(() => parseEndpoint(text)).message)?.[1];
      expect(() => parseEndpoint(proposal ?? '')).not.toThrow();
    }
  });

  it('throws an EndpointError or understands, whatever the text', () => {
    const piece = fc.constantFrom(
      'inet',
      'inet6',
      'unix',
      ':',
      '@',
      '[',
      ']',
      '/',
      '::1',
      '127.0.0.1',
      '25',
      'h',
      ' ',
      '.',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(piece).map((pieces) => pieces.join('')),
        ),
        (text) => {
          try {
            const endpoint = parseEndpoint(text);
            expect(parseEndpoint(formatEndpoint(endpoint))).toEqual(endpoint);
          } catch (error) {
            expect(error).toBeInstanceOf(EndpointError);
          }
        },
      ),
      { numRuns: 2000 },
    );
  });
});

describe('formatEndpoint', () => {
  it.each<[Endpoint, string]>([
    [inet(8891), 'inet:8891@127.0.0.1'],
    [inet6(8891), 'inet6:8891@::1'],
    [unix('/run/filter.sock'), 'unix:/run/filter.sock'],
  ])('writes %j', (endpoint, text) => {
    expect(formatEndpoint(endpoint)).toBe(text);
  });

  it('is undone by parseEndpoint', () => {
    const port = fc.integer({ min: 0, max: 65535 });
    const path = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 30 })
      .map((text) => `/${text}`)
      .filter((text) => !/[\0]|[\s/]$/.test(text) && Buffer.byteLength(text) <= 103);
    const endpoint: fc.Arbitrary<Endpoint> = fc.oneof(
      fc.record({ family: fc.constant('inet' as const), host: fc.oneof(fc.ipV4(), fc.domain()), port }),
      fc.record({ family: fc.constant('inet6' as const), host: fc.oneof(fc.ipV6(), fc.domain()), port }),
      fc.record({ family: fc.constant('unix' as const), path }),
    );
    fc.assert(
      fc.property(endpoint, (value) => {
        expect(parseEndpoint(formatEndpoint(value))).toEqual(value);
        expect(parseEndpoint(value)).toEqual(value);
      }),
    );
  });
});

it('has types that keep the halves of an endpoint apart', () => {
  expectTypeOf<{ port: number }>().toExtend<EndpointInput>();
  expectTypeOf<{ host: string }>().not.toExtend<EndpointInput>();
});

function errorOf(work: () => unknown): Error {
  try {
    work();
  } catch (error) {
    if (error instanceof Error) return error;
  }
  throw new Error('nothing was thrown');
}
