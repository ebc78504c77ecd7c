const NONE: readonly number[] = Object.freeze([]);
/** So many names are looked for one by one: most filters change one or two headers of a dozen. */
const FEW = 4;

/** Finds the places, from 0, of all headers of a name, in any case. */
export type Places = (name: string) => readonly number[];

/** @param names of all headers, in order */
export function placesIn(names: readonly string[]): Places {
  let asked = 0;
  let table: ReadonlyMap<string, readonly number[]> | undefined;
  return (name) => {
    const lower = name.toLowerCase();
    if (table === undefined && ++asked <= FEW) return placesOf(lower, names);
    table ??= tableOf(names);
    return table.get(lower) ?? NONE;
  };
}

function placesOf(lower: string, names: readonly string[]): readonly number[] {
  const places: number[] = [];
  for (let at = 0; at < names.length; at++) {
    const name = names[at] ?? '';
    if (name.length === lower.length && name.toLowerCase() === lower) places.push(at);
  }
  return places;
}

function tableOf(names: readonly string[]): ReadonlyMap<string, readonly number[]> {
  const table = new Map<string, number[]>();
  for (const [at, name] of names.entries()) {
    const lower = name.toLowerCase();
    const places = table.get(lower);
    if (places === undefined) table.set(lower, [at]);
    else places.push(at);
  }
  return table;
}
