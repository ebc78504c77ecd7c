import type { Heard } from './converse.js';

/** The same with the aborts taken out of what a filter says it was told. */
export function withoutAborts(heard: readonly Heard[]): Heard[] {
  return heard.map(([said, ...replies]) => [said, ...replies.map(strip)]);
}

function strip(reply: string): string {
  return reply.startsWith('h X-Seen\\00') ? reply.replaceAll(/ abort(?=[ \\])/g, '') : reply;
}
