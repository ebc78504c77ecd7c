/** Ends a sentence, unless it has an end already: a question keeps its mark. */
export function sentence(text: string): string {
  return /[.?!…]["')]?$/.test(text) ? text : `${text}.`;
}
