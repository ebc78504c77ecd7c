const DATE =
  /^ ?(?:(?:mon|tue|wed|thu|fri|sat|sun) ?,? ?)?(\d{1,2}) ?([a-z]{3}) ?(\d{2,6}) (\d{1,2}) ?: ?(\d{2})(?: ?: ?(\d{2}))?(?: ?([+-]\d{4}|[a-z]{1,5}))? ?$/i;
const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
/** Hours from UTC (RFC 5322, 4.3). Other letters have no known meaning: they are taken for UTC. */
const ZONES = new Map(
  Object.entries({ edt: -4, est: -5, cdt: -5, cst: -6, mdt: -6, mst: -7, pdt: -7, pst: -8 }),
);
const LONGEST = 100;

/** The point in time in a header such as `Date` (RFC 5322, 3.3, and the obsolete forms in 4.3). */
export function parseDate(unfolded: string): Date | undefined {
  const text = withoutComments(unfolded).replace(/\s+/g, ' ');
  const [, day = '', monthName = '', years = '', hour = '', minute = '', second = '0', zone = ''] =
    (text.length <= LONGEST ? DATE.exec(text) : null) ?? [];
  const month = MONTHS.indexOf(monthName.toLowerCase());
  if (month === -1 || Number(hour) > 23 || Number(minute) > 59 || Number(second) > 60) return undefined;
  const local = new Date(0);
  local.setUTCFullYear(fullYear(years), month, Number(day));
  // A day that the month does not have would be one of the next month.
  if (local.getUTCMonth() !== month || local.getUTCDate() !== Number(day)) return undefined;
  const offset = minutesFromUtc(zone);
  const date = new Date(local.setUTCHours(Number(hour), Number(minute) - offset, Number(second)));
  return Number.isNaN(date.getTime()) ? undefined : date;
}

function fullYear(digits: string): number {
  const year = Number(digits);
  if (digits.length > 3) return year;
  return digits.length === 2 && year < 50 ? 2000 + year : 1900 + year;
}

/** NaN where there is no such zone. */
function minutesFromUtc(zone: string): number {
  if (!/^[+-]/.test(zone)) return 60 * (ZONES.get(zone.toLowerCase()) ?? 0);
  const [hours, minutes] = [Number(zone.slice(1, 3)), Number(zone.slice(3))];
  if (minutes > 59) return NaN;
  return (zone.startsWith('-') ? -1 : 1) * (60 * hours + minutes);
}

/** With a blank for each comment; comments may hold others, and escaped parentheses. */
function withoutComments(text: string): string {
  if (!text.includes('(')) return text;
  let kept = '';
  let depth = 0;
  for (let index = 0; index < text.length; index++) {
    const char = text.charAt(index);
    if (char === '(') depth++;
    else if (char === ')' && depth > 0) kept += --depth === 0 ? ' ' : '';
    else if (char === '\\' && depth > 0) index++;
    else if (depth === 0) kept += char;
  }
  return kept;
}
