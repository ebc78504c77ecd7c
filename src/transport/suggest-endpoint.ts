/**
 * What somebody probably meant by a text that is no endpoint, as the end of an error message; nothing where it cannot be guessed.
 */
export function suggestEndpoint(text: string): string | undefined {
  const flag = /^[sp]=(.+)$/i.exec(text);
  if (flag?.[1] !== undefined) return `leave out what stands before "=": did you mean "${flag[1]}"?`;

  const url = /^([a-z][a-z0-9+.-]*):\/\/(.*)$/i.exec(text);
  if (url?.[1] !== undefined && url[2] !== undefined) {
    const place = /^(?:[^@/]*@)?(\[[^\]]*\]|[^:/]*):(\d+)\/?$/.exec(url[2]);
    if (place?.[1] !== undefined && place[2] !== undefined) {
      return `a milter is not reached by a URL: did you mean "${inet(place[2], place[1])}"?`;
    }
    if (url[2].startsWith('/')) return `a milter is not reached by a URL: did you mean "unix:${url[2]}"?`;
    return `a milter is not reached by a URL (${url[1]}); write "inet:port@host" or "unix:/absolute/path"`;
  }

  const scheme = /^(tcp|tcp4|ipv4|inet4|tcp6|ipv6):(.*)$/i.exec(text);
  if (scheme?.[1] !== undefined && scheme[2] !== undefined) {
    return `"${scheme[1]}:" is not known here: did you mean "${scheme[1].endsWith('6') ? 'inet6' : 'inet'}:${scheme[2]}"?`;
  }
  const file = /^(?:file|socket|pipe|fifo):(\/.*)$/i.exec(text);
  if (file?.[1] !== undefined) return `did you mean "unix:${file[1]}"?`;

  if (/^\d+(@.+)?$/.test(text)) return `there is no family: did you mean "inet:${text}"?`;
  const place = /^(\[[^\]]*\]|[^:/@]*):(\d+)$/.exec(text);
  if (place?.[1] !== undefined && place[2] !== undefined) {
    return `there is no family: did you mean "${inet(place[2], place[1])}"?`;
  }
  if (!text.includes(':') && text.includes('/')) {
    return `a path has to be absolute: write "unix:/absolute/path". What Postfix calls "unix:${text}" is below its queue directory: "unix:/var/spool/postfix/${text.replace(/^(\.{0,2}\/)+/, '')}"`;
  }
  return undefined;
}

function inet(port: string, host: string): string {
  if (host === '') return `inet:${port}`;
  const address = host.replace(/^\[(.*)\]$/, '$1');
  return `${address.includes(':') ? 'inet6' : 'inet'}:${port}@${address}`;
}
