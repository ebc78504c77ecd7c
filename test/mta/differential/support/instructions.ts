/**
 * The language in which a conversation tells the two filters what to do.
 *
 * Any text of an event (host name, HELO, address, argument, header value, unknown command) may contain
 * `do{stage:verb:arg:arg;stage:verb}`. The instructions are kept in a queue. Each event takes those of its stage out of
 * it, one after the other, up to the first decision; later ones wait for the next event of that stage. What a message
 * has brought is forgotten at the next MAIL. All bytes but letters, digits and a few signs are written `~xx`.
 *
 * Decisions: `continue`, `accept`, `discard`, `skip`, `reject` and `tempfail`, the last two with code, enhanced code
 * (may be empty) and lines of text. `single-percent-reject` leaves the doubling of percent signs out in C.
 * Modifications: `add:name:value`, `insert:index:name:value`, `change:index:name:value`, `delete:index:name`,
 * `body:text`, `fill:size:character`, `addrcpt:address[:args]`, `delrcpt:address`, `from:address[:args]`,
 * `quarantine:reason`. For looking: `seen` adds a header with all that the filter was told since the last one,
 * `macro:name` notes the value of a macro there.
 */
export function instruct(...instructions: readonly Instruction[]): string {
  const written = instructions.map(([stage, ...words]) => [stage, ...words.map(escaped)].join(':'));
  return `do{${written.join(';')}}`;
}

/** Stage, verb, arguments; strings are UTF-8. */
export type Instruction = readonly [stage: string, verb: string, ...args: string[]];

/** The bytes as both filters write them into their notes. */
export function escaped(text: string | Uint8Array): string {
  const bytes = typeof text === 'string' ? Buffer.from(text) : Buffer.from(text);
  return bytes
    .toString('latin1')
    .replaceAll(
      /[^0-9A-Za-z<>@.=_-]/g,
      (character) => `~${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
    );
}

/** The instructions in a text, undone into words. */
export function instructionsIn(text: string): string[][] {
  const written = /do\{([^}]*)\}/.exec(text)?.[1];
  if (written === undefined || written === '') return [];
  return written.split(';').map((one) => one.split(':').map(unescaped));
}

function unescaped(word: string): string {
  const bytes = word.replaceAll(/~([0-9a-f]{2})/g, (_all, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 16)),
  );
  return Buffer.from(bytes, 'latin1').toString();
}
