import type { Observable } from 'rxjs';

import { isPromise } from '../common/promises.js';
import { AnswerError } from '../session/answer-error.js';
import type { Burst } from '../session/breath.js';
import type { Answers } from './answers.js';

/** Takes one answer, or an array of them; whether the decision was among them. */
export function takeAll(answers: Answers, result: unknown): boolean {
  return Array.isArray(result) ? result.some((answer) => answers.take(answer)) : answers.take(result);
}

export function takeEach(answers: Answers, iterator: Iterator<unknown>, burst: Burst): boolean {
  let step = iterator.next();
  try {
    while (step.done !== true) {
      burst.step(endless);
      if (answers.take(step.value)) return true;
      step = iterator.next();
    }
  } finally {
    if (step.done !== true) iterator.return?.();
  }
  return answers.take(step.value);
}

export function endless(): Error {
  return new AnswerError(
    'The answers of the project have come for two seconds without a pause and without a decision, and would not end. ' +
      'What gives many has to wait in between, so that other connections have their turn.',
  );
}

/** Whether the answers are not there at once, or may be more than can be taken at once. */
export function isLater(result: object): boolean {
  return isPromise(result) || isObservable(result) || isAsyncIterable(result) || isRow(result);
}

/** Whether it is an iterable whose length is not known. */
export function isRow(result: unknown): result is Iterable<unknown> {
  return typeof result === 'object' && result !== null && Symbol.iterator in result && !Array.isArray(result);
}

export function isObservable(result: unknown): result is Observable<unknown> {
  return typeof result === 'object' && result !== null && 'subscribe' in result;
}

export function isAsyncIterable(result: unknown): result is AsyncIterable<unknown> {
  return typeof result === 'object' && result !== null && Symbol.asyncIterator in result;
}
