import { CHECK_RULES, type CheckRule, type CheckSeverity, type Fault } from './rules.js';

/** The place where a rule was broken. */
export interface CheckPlace {
  /** The name of the dialogue. */
  readonly dialogue: string;
  /** The command, as `describeMessage()` words it. */
  readonly step: string;
}

/** A rule that a milter breaks. */
export interface CheckFinding extends CheckPlace {
  readonly rule: CheckRule;
  /** An `error` breaks, loses or defers mail at some mail server; a `warning` is to be looked at. */
  readonly severity: CheckSeverity;
  /** What the milter did. */
  readonly what: string;
  /** What follows at the mail servers. */
  readonly consequence: string;
  /** Where that is written, or whose behaviour it is. */
  readonly source: string;
  /** What to change. */
  readonly advice: string;
  /** Where the same was found first in each other dialogue. */
  readonly also: readonly CheckPlace[];
}

/** What shows in other words each time is told once, with the places where it shows. */
const TOLD_ONCE: readonly CheckRule[] = [
  ...(['missing-reply', 'surplus-reply', 'unagreed-reply', 'leak', 'other-answer'] as const),
  ...(['answer-version', 'answer-flags', 'answer-actions', 'offer-refused'] as const),
];
/** What was found so far, one finding a fault. */
export class Findings {
  readonly #all = new Map<string, CheckFinding & { severity: CheckSeverity; readonly also: CheckPlace[] }>();

  /** Errors first, else in the order in which they were found. */
  get all(): readonly CheckFinding[] {
    const all = [...this.#all.values()];
    const errors = all.filter(({ severity }) => severity === 'error');
    return [...errors, ...all.filter(({ severity }) => severity !== 'error')];
  }

  has(rule: CheckRule): boolean {
    return this.all.some((found) => found.rule === rule);
  }

  add({ rule, what, minor = false }: Fault, place: CheckPlace): void {
    const row = CHECK_RULES[rule];
    const severity = minor ? 'warning' : row.severity;
    const key = TOLD_ONCE.includes(rule) ? rule : `${rule} ${what}`;
    const found = this.#all.get(key);
    if (found === undefined) {
      this.#all.set(key, { rule, ...row, severity, what, ...place, also: [] });
      return;
    }
    if (severity === 'error') found.severity = severity;
    if (![found, ...found.also].some(({ dialogue }) => dialogue === place.dialogue)) found.also.push(place);
  }
}
