import { readFileSync } from 'node:fs';

/** What the kernel says of a socket. */
export interface KernelSocket {
  readonly kind: 'tcp' | 'udp' | 'unix' | 'unix datagram' | 'unix sequenced-packet';
  readonly listening: boolean;
  /** Whether it has somebody at its other end. */
  readonly connected: boolean;
  /** Where a Unix socket is bound, with `@` before an abstract name; empty for the others. */
  readonly path: string;
}

const TCP_ESTABLISHED = '01';
const TCP_LISTEN = '0A';
/** `__SO_ACCEPTCON` among the flags of a Unix socket. */
const ACCEPTS = 0x1_0000;
const UNIX_CONNECTED = '03';
const UNIX_TYPES: Readonly<Record<string, KernelSocket['kind']>> = {
  '0001': 'unix',
  '0002': 'unix datagram',
  '0005': 'unix sequenced-packet',
};

/**
 * Looks a socket up in Linux's tables (`proc_net(5)`): Node itself has no call that asks a socket whether it listens.
 *
 * @returns nothing where it is not in them: it is not bound, it belongs to another network namespace
 *   (`PrivateNetwork=`), or there are no such tables
 */
export function kernelSocket(inode: number): KernelSocket | undefined {
  const wanted = String(inode);
  for (const line of table('unix')) {
    // Num RefCount Protocol Flags Type St Inode Path
    const row = /^\S+: \S+ \S+ (\S+) (\S+) (\S+) +(\d+)(?: (.*))?$/.exec(line);
    if (row?.[4] !== wanted) continue;
    const [, flags = '', type = '', state = '', , path = ''] = row;
    const listening = (Number.parseInt(flags, 16) & ACCEPTS) !== 0;
    return { kind: UNIX_TYPES[type] ?? 'unix', listening, connected: state === UNIX_CONNECTED, path };
  }
  for (const name of ['tcp', 'tcp6', 'udp', 'udp6']) {
    for (const line of table(name)) {
      // sl local_address rem_address st tx_queue:rx_queue tr:tm->when retrnsmt uid timeout inode
      const fields = line.trim().split(/ +/);
      if (fields[9] !== wanted) continue;
      const kind = name.startsWith('tcp') ? 'tcp' : 'udp';
      const state = fields[3];
      return {
        kind,
        listening: kind === 'tcp' && state === TCP_LISTEN,
        connected: state === TCP_ESTABLISHED,
        path: '',
      };
    }
  }
  return undefined;
}

function table(name: string): string[] {
  try {
    return readFileSync(`/proc/self/net/${name}`, 'latin1').split('\n').slice(1);
  } catch {
    return [];
  }
}
