/** What DNS says of a name: records by type, or how it fails. */
export type DnsName =
  Readonly<Record<string, readonly string[]>> | 'ETIMEOUT' | 'ESERVFAIL' | 'EREFUSED' | 'silence';

/** A DNS that knows these names and no others, asks nobody, and says what Node's `resolve()` would say. */
export function dnsTable(
  table: Readonly<Record<string, DnsName>>,
): (signal?: AbortSignal) => (name: string, type: string) => Promise<string[][] | string[]> {
  return (signal) => async (name, type) => {
    const found = table[name.toLowerCase()];
    if (found === 'silence') return silence(signal);
    if (typeof found === 'string') throw failure(found, name);
    if (found === undefined) throw failure('ENOTFOUND', name);
    const records = found[type];
    if (records === undefined) throw failure('ENODATA', name);
    // Long texts are cut into pieces, as in a zone file.
    if (type === 'TXT') return records.map((text) => text.match(/[^]{1,255}/g) ?? ['']);
    if (type === 'MX')
      return records.map((exchange, at) => ({ priority: at * 10, exchange })) as unknown as string[];
    return [...records];
  };
}

function failure(code: string, name: string): Error {
  return Object.assign(new Error(`query ${code} ${name}`), { code });
}

/** No answer, until the signal says that nobody waits for one any more. */
function silence(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal?.addEventListener('abort', () => reject(failure('ECANCELLED', 'everything')), { once: true });
  });
}
