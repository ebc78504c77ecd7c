const WORD = /=\?([^?\s]+)\?([bq])\?([^?\s]*)\?=/gi;

/**
 * The text of a header value with encoded words in it (RFC 2047): an implementation of its own, for comparison.
 *
 * Blanks between two words belong to neither (6.2).
 */
export function decodeWords(value: string): string {
  const unfolded = value.replace(/\r?\n(?=[ \t])/g, '').replace(/(\?=)[ \t]+(?==\?)/g, '$1');
  return unfolded.replace(WORD, (_word, charset: string, encoding: string, text: string) => {
    const bytes =
      encoding.toLowerCase() === 'b'
        ? Buffer.from(text, 'base64')
        : Buffer.from(
            text
              .replaceAll('_', ' ')
              .replace(/=([\da-f]{2})/gi, (_all, hex: string) => String.fromCharCode(parseInt(hex, 16))),
            'latin1',
          );
    return new TextDecoder(charset, { fatal: true }).decode(bytes);
  });
}
