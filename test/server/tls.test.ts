import { connect as connectPlainly } from 'node:net';
import { connect, type ConnectionOptions, type TlsOptions } from 'node:tls';
import { BehaviorSubject, Subject, mergeMap, of, throwError } from 'rxjs';
import {
  addHeader,
  listen,
  type MilterServer,
  on,
  openSocket,
  reject,
  serve,
  type ServeOptions,
  sink,
} from 'rxmilter';
import { describe, expect, it, onTestFinished, vi } from 'vitest';

import { eventually } from '../docs/support/eventually.js';
import { MilterFrames, type PlainDelivery } from '../mail-servers/support/milter-frames.js';
import { deliverByStalwart } from '../mail-servers/support/stalwart-client.js';
import { CA, CLIENT, OTHER, SERVER, STRANGER } from './support/certificates.js';

const MESSAGE = 'Subject: Hi\r\n\r\nHello\r\n';
const filter = on('eom', () => addHeader('X-Seen', 'yes'));
/** A client that looks at the certificate of the server. */
const TRUSTING: ConnectionOptions = { ca: CA, servername: 'server.example' };

async function serving(tls: ServeOptions['tls'], options: Partial<ServeOptions> = {}): Promise<MilterServer> {
  const server = await serve(filter, { listen: 'inet:0@127.0.0.1', tls, ...options });
  onTestFinished(() => server.destroy());
  return server;
}

const send = ({ address }: { readonly address: string }, tls?: ConnectionOptions): Promise<PlainDelivery> =>
  deliverByStalwart(address, { message: MESSAGE }, tls === undefined ? {} : { tls });

/** The warnings of the test, each with its type. */
function warnings(): string[] {
  const told: string[] = [];
  const spy = vi.spyOn(process, 'emitWarning').mockImplementation((text, how) => {
    const { type = 'Warning' } = typeof how === 'object' ? how : {};
    told.push(`${type}: ${String(text)}`);
  });
  onTestFinished(() => spy.mockRestore());
  return told;
}

const portOf = ({ address }: { readonly address: string }): number =>
  Number(/^inet:(\d+)@/.exec(address)?.[1]);

/** The name in the certificate that a new connection is shown. */
async function certificateOf(server: MilterServer): Promise<string> {
  const socket = connect({ port: portOf(server), host: '127.0.0.1', rejectUnauthorized: false });
  await new Promise((resolve, refuse) => socket.once('secureConnect', resolve).once('error', refuse));
  const { subject } = socket.getPeerCertificate();
  socket.destroy();
  return String(subject.CN);
}

describe('TLS', () => {
  it('is spoken by serve(), and the filter does its work', async () => {
    warnings();
    const server = await serving(SERVER);
    expect((await send(server, TRUSTING)).message).toBe(`X-Seen: yes\r\n${MESSAGE}`);
  });

  it('is spoken by listen(), too', async () => {
    // Of an open socket the port is known before.
    const socket = await openSocket('inet:0@127.0.0.1');
    const refusing = on('mail', () => reject('Not you'));
    const running = listen(socket, { tls: SERVER })
      .pipe(mergeMap((session) => session.events.pipe(refusing, sink(session))))
      .subscribe();
    expect((await send(socket, TRUSTING)).reply).toBe('550 5.7.1 Not you');
    running.unsubscribe();
  });

  it('is spoken to a connection that waited at an open socket', async () => {
    warnings();
    const socket = await openSocket('inet:0@127.0.0.1');
    const delivery = send(socket, TRUSTING);
    const server = await serving(SERVER, { listen: socket });
    expect((await delivery).result).toBe('delivered');
    await server.close();
  });

  it('shows each new connection the newest certificate, and a running one goes on', async () => {
    warnings();
    const certificates = new BehaviorSubject<TlsOptions>(SERVER);
    const server = await serving(certificates);
    expect(await certificateOf(server)).toBe('server.example');
    certificates.next(OTHER);
    expect(await certificateOf(server)).toBe('other.example');
    expect((await send(server, { ...TRUSTING, servername: 'other.example' })).result).toBe('delivered');
  });

  it('keeps the last certificate where the next one is none', async () => {
    const told = warnings();
    const certificates = new BehaviorSubject<TlsOptions>(SERVER);
    const server = await serving(certificates);
    certificates.next({ key: 'no key', cert: 'no certificate' });
    certificates.error(new Error('broken'));
    expect(await certificateOf(server)).toBe('server.example');
    expect(told).toEqual([
      expect.stringMatching(
        /^MilterWarning: The last certificate stays: tls: the key or the certificate cannot be used: /,
      ),
      'MilterWarning: The last certificate stays: broken',
    ]);
  });

  it('waits for the first certificate', async () => {
    const certificates = new Subject<TlsOptions>();
    const starting = serving(certificates);
    certificates.next(SERVER);
    expect(await certificateOf(await starting)).toBe('server.example');
  });

  it.each<[string, unknown, string]>([
    ['no key', { key: 'x', cert: 'y' }, 'tls: the key or the certificate cannot be used: '],
    ['a word', 'cert.pem', "tls: 'cert.pem' is no object. Give { key, cert }"],
    ['a stream that fails', throwError(() => new Error('no file')), 'no file'],
    ['a stream without any', of(), 'tls: the Observable completed without options.'],
    ['a stream of none', of(7), 'tls: 7 is no object.'],
  ])('does not start with %s', async (_name, tls, words) => {
    await expect(serving(tls as TlsOptions)).rejects.toThrow(words);
  });

  it('follows no stream that it does not start with', async () => {
    const certificates = new BehaviorSubject<TlsOptions>({ key: 'x', cert: 'y' });
    await expect(serving(certificates)).rejects.toThrow('tls: the key');
    expect(certificates.observed).toBe(false);
  });

  it('is not for a Unix socket', async () => {
    await expect(serve(filter, { listen: 'unix:/nowhere/s', tls: SERVER })).rejects.toThrow(
      'tls: a Unix socket',
    );
  });

  it('asks peers for a certificate where a CA is given, and turns others away', async () => {
    const told = warnings();
    const server = await serving({ ...SERVER, ca: CA });
    expect((await send(server, { ...TRUSTING, ...CLIENT })).result).toBe('delivered');
    await expect(send(server, { ...TRUSTING, ...STRANGER })).rejects.toThrow();
    await expect(send(server, TRUSTING)).rejects.toThrow();
    await eventually('the warning', () => told.some((text) => text.includes('the TLS handshake failed')));
    expect(told.join()).toMatch(
      /^MilterWarning: 1 connection was turned away at inet:\d+@127\.0\.0\.1: the TLS handshake failed \(the last from 127\.0\.0\.1: its certificate is not of the CA \(\w+\)\)\.$/,
    );
    // The others did not notice.
    expect((await send(server, { ...TRUSTING, ...CLIENT })).result).toBe('delivered');
  });

  it('turns away who speaks no TLS, and goes on', async () => {
    const told = warnings();
    const server = await serving(SERVER);
    await expect(send(server)).rejects.toThrow('closed');
    await eventually('the warning', () => told.some((text) => text.includes('the TLS handshake failed')));
    expect((await send(server, TRUSTING)).result).toBe('delivered');
  });

  it('does not let a peer without a handshake hold up the end', async () => {
    const server = await serving(SERVER);
    const socket = connectPlainly(portOf(server), '127.0.0.1');
    const ended = new Promise((resolve) =>
      socket
        .once('close', resolve)
        .on('error', () => undefined)
        .resume(),
    );
    await new Promise((resolve) => socket.once('connect', resolve));
    await server.close();
    await ended;
  });

  it('lets a message in flight finish when the server is closed', async () => {
    const server = await serving(SERVER);
    const milter = await MilterFrames.connect(server.address, TRUSTING);
    milter.write('O', Buffer.from('00000006000001ff00000000', 'hex'));
    expect((await milter.read()).letter).toBe('O');
    for (const [letter, data] of [
      ['C', 'h\0U'],
      ['M', '<a@b>\0'],
      ['R', '<c@d>\0'],
    ] as const) {
      milter.write(letter, data);
      expect((await milter.read()).letter).toBe('c');
    }
    const closed = server.close();
    milter.write('E');
    expect([(await milter.read()).letter, (await milter.read()).letter]).toEqual(['h', 'c']);
    milter.write('Q');
    await closed;
    milter.close();
  });

  it('does not begin to listen where it was given up when there was a certificate', async () => {
    const free = await serve(filter, { listen: 'inet:0@127.0.0.1' });
    const { address } = free;
    await free.close();
    const certificates = new Subject<TlsOptions>();
    const running = listen(address, { tls: certificates }).subscribe();
    certificates.next(SERVER);
    running.unsubscribe();
    await new Promise((resolve) => setImmediate(resolve));
    await expect(send({ address }, TRUSTING)).rejects.toThrow('ECONNREFUSED');
    expect(certificates.observed).toBe(false);
  });

  it('ends a subscription to certificates with the server', async () => {
    const certificates = new BehaviorSubject<TlsOptions>(SERVER);
    const server = await serving(certificates);
    await server.close();
    expect(certificates.observed).toBe(false);
  });
});
