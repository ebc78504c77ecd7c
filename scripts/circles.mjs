// @ts-check

/**
 * The shortest circle through each file that is part of one, where no earlier circle has named the file already.
 * @param {ReadonlyMap<string, ReadonlyMap<string, unknown>>} graph file to the files that it imports
 * @returns {string[][]} each with its first file again at the end
 */
export function circles(graph) {
  /** @type {string[][]} */
  const found = [];
  const named = new Set();
  for (const start of graph.keys()) {
    if (named.has(start)) continue;
    const circle = shortestWayBack(graph, start);
    if (circle === undefined) continue;
    found.push(circle);
    for (const file of circle) named.add(file);
  }
  return found;
}

/**
 * @param {ReadonlyMap<string, ReadonlyMap<string, unknown>>} graph
 * @param {string} start
 * @returns {string[] | undefined}
 */
function shortestWayBack(graph, start) {
  const ways = [[start]];
  const seen = new Set();
  for (const way of ways) {
    for (const next of graph.get(way.at(-1) ?? start)?.keys() ?? []) {
      if (next === start) return [...way, start];
      if (seen.has(next)) continue;
      seen.add(next);
      ways.push([...way, next]);
    }
  }
  return undefined;
}
