import { AnswerError } from './errors.js';

/** The faults of answers in words that mostly come from the mail: they were mended, and are still told. */
const FLAWS = new WeakMap<object, AnswerError>();
/** Whether there ever was one: most programs make none. */
let some = false;

/** Notes the fault of something, if any, with the stack of now, and gives it back. */
export function flawed<T extends object>(thing: T, fault: string | AnswerError | undefined): T {
  if (fault !== undefined) {
    some = true;
    FLAWS.set(
      thing,
      typeof fault === 'string' ? new AnswerError(`${fault} It is sent without that.`) : fault,
    );
  }
  return thing;
}

export function flawOf(thing: object | undefined): AnswerError | undefined {
  return some && thing !== undefined ? FLAWS.get(thing) : undefined;
}
