/** One result of an Authentication-Results field: `spf`, `fail`, and what it is about. */
export interface AuthResult {
  readonly method: string;
  readonly result: string;
  readonly reason?: string;
  readonly properties: Readonly<Record<string, string>>;
}

const PART =
  /^\s*(?<method>[a-z]+)=(?<result>[a-z]+)(?:\s+reason=(?<reason>"(?:[^"\\]|\\.)*"))?(?<properties>(?:\s+[a-z]+\.[a-z-]+=(?:"(?:[^"\\]|\\.)*"|[^\s;"()]+))*)\s*$/;

/**
 * Reads a value of Authentication-Results strictly as RFC 8601 (2.2) has it, comments left out of the grammar, since
 * our field has none.
 *
 * @throws Error where it is not of that form
 */
export function readResults(value: string): { authservId: string; results: AuthResult[] } {
  const parts = value.match(/(?:"(?:[^"\\]|\\.)*"|[^;"])+/g) ?? [];
  if (parts.join(';') !== value) throw new Error(`quotes do not match: ${value}`);
  const [authservId = '', ...rest] = parts;
  return {
    authservId: authservId.trim(),
    results: rest.map((part) => {
      const groups = PART.exec(part)?.groups;
      if (groups === undefined) throw new Error(`no result: ${part}`);
      const { method = '', result = '', reason, properties = '' } = groups;
      const found = [...properties.matchAll(/([a-z]+\.[a-z-]+)=("(?:[^"\\]|\\.)*"|\S+)/g)];
      return {
        method,
        result,
        ...(reason === undefined ? {} : { reason: unquoted(reason) }),
        properties: Object.fromEntries(found.map(([, name, text]) => [name, unquoted(text ?? '')])),
      };
    }),
  };
}

function unquoted(text: string): string {
  return text.startsWith('"') ? text.slice(1, -1).replace(/\\(.)/g, '$1') : text;
}
