import type { Observable } from 'rxjs';
import type { EventAt, Project, ProjectContext, Stage } from 'rxmilter';

import type { Legal } from '../../src/operators/core/answers.js';
import type { Accept, Discard, Allow, Reject, Skip, Tempfail } from '../../src/session/decisions.js';
import type {
  AddHeader,
  AddRecipient,
  ChangeHeader,
  ChangeSender,
  DeleteHeader,
  DeleteRecipient,
  InsertHeader,
  Quarantine,
  ReplaceBody,
} from '../../src/session/modifications.js';
import type { Equal, Expect } from './equal.js';

interface Answers {
  allow: Allow;
  accept: Accept;
  reject: Reject;
  tempfail: Tempfail;
  discard: Discard;
  skip: Skip;
  addHeader: AddHeader;
  insertHeader: InsertHeader;
  changeHeader: ChangeHeader;
  deleteHeader: DeleteHeader;
  replaceBody: ReplaceBody;
  addRecipient: AddRecipient;
  deleteRecipient: DeleteRecipient;
  changeSender: ChangeSender;
  quarantine: Quarantine;
}

type Everywhere = 'allow' | 'reject' | 'tempfail';
type WithMessage = Everywhere | 'accept' | 'discard';
type Changes = Exclude<keyof Answers, WithMessage | 'skip'>;

/** The table of the documentation: what may be answered where. */
interface Documented {
  connect: Everywhere | 'accept';
  helo: Everywhere | 'accept';
  mail: WithMessage;
  rcpt: WithMessage;
  data: WithMessage;
  header: WithMessage;
  eoh: WithMessage;
  body: WithMessage | 'skip';
  eom: WithMessage | Changes;
  unknown: Everywhere;
}

/** Whether a project that returns `R` may be given to `on` for stage `S`, which `Project` has to say as well. */
type Fits<S extends Stage, R> = [R] extends [Legal<S, R>]
  ? IsProject<S, R>
  : IsProject<S, R> extends false
    ? false
    : never;
type IsProject<S extends Stage, R> =
  ((event: EventAt<S>, context: ProjectContext) => R) extends Project<S> ? true : false;

/** Those of the answers that a project at stage `S` may return in the wrapping `W`. */
type LegalIn<S extends Stage, W extends Record<keyof Answers, unknown>> = {
  [K in keyof Answers]: Fits<S, W[K]> extends true ? K : never;
}[keyof Answers];

/** For each stage. */
type LegalTable<W extends Record<keyof Answers, unknown>> = { [S in Stage]: LegalIn<S, W> };

/** Whether that is the table above. */
type Same<W extends Record<keyof Answers, unknown>, T = LegalTable<W>> = Equal<T, Documented>;

/** One table, however the answer comes. */
export type Checks = [
  Expect<Same<Answers>>,
  Expect<Same<{ [K in keyof Answers]: Answers[K] | undefined }>>,
  Expect<Same<{ [K in keyof Answers]: Answers[K] | void | null }>>,
  Expect<Same<{ [K in keyof Answers]: Answers[K] | Allow }>>,
  Expect<Same<{ [K in keyof Answers]: Answers[K][] }>>,
  Expect<Same<{ [K in keyof Answers]: readonly (Answers[K] | undefined)[] }>>,
  Expect<Same<{ [K in keyof Answers]: readonly [Allow, Answers[K]] }>>,
  Expect<Same<{ [K in keyof Answers]: Set<Answers[K]> }>>,
  Expect<Same<{ [K in keyof Answers]: Iterable<Answers[K]> }>>,
  Expect<Same<{ [K in keyof Answers]: Generator<Answers[K]> }>>,
  Expect<Same<{ [K in keyof Answers]: Generator<Answers[K], void> }>>,
  Expect<Same<{ [K in keyof Answers]: Generator<never, Answers[K]> }>>,
  Expect<Same<{ [K in keyof Answers]: Promise<Answers[K]> }>>,
  Expect<Same<{ [K in keyof Answers]: PromiseLike<Answers[K] | undefined> }>>,
  Expect<Same<{ [K in keyof Answers]: Promise<Answers[K] | void> }>>,
  Expect<Same<{ [K in keyof Answers]: Promise<Answers[K]> | undefined }>>,
  Expect<Same<{ [K in keyof Answers]: Promise<Answers[K]> | Allow }>>,
  Expect<Same<{ [K in keyof Answers]: Promise<Answers[K][]> }>>,
  Expect<Same<{ [K in keyof Answers]: Observable<Answers[K]> }>>,
  Expect<Same<{ [K in keyof Answers]: Observable<Answers[K] | undefined> }>>,
  Expect<Same<{ [K in keyof Answers]: Observable<Answers[K][]> }>>,
  Expect<Same<{ [K in keyof Answers]: Observable<Answers[K] | [Allow, Answers[K]]> }>>,
  Expect<Same<{ [K in keyof Answers]: AsyncIterable<Answers[K]> }>>,
  Expect<Same<{ [K in keyof Answers]: AsyncIterable<Answers[K][]> }>>,
  Expect<Same<{ [K in keyof Answers]: AsyncGenerator<Answers[K]> }>>,
  Expect<Same<{ [K in keyof Answers]: AsyncGenerator<never, Answers[K]> }>>,
  Expect<Same<{ [K in keyof Answers]: AsyncGenerator<Allow | Answers[K], void> }>>,
];

type Nonsense =
  | 'reject'
  | 550
  | true
  | bigint
  | symbol
  | Error
  | Date
  | { kind: 'reject ' }
  | { kind: 'bounce' }
  | string[]
  | Promise<string>
  | Observable<number>
  | (() => Reject);

/** What is no answer fits nowhere. */
export type Checked = Expect<Equal<{ [S in Stage]: Fits<S, Nonsense> }[Stage], false>>;
export type CheckedOneByOne = Expect<
  Equal<Nonsense extends infer N ? (N extends unknown ? Fits<'rcpt', N> : never) : never, false>
>;

/** At several stages what is legal at each of them. */
export type SeveralStages = [
  Expect<Equal<LegalIn<'mail' | 'rcpt', Answers>, WithMessage>>,
  Expect<Equal<LegalIn<'connect' | 'mail', Answers>, Everywhere | 'accept'>>,
  Expect<Equal<LegalIn<'body' | 'eom', Answers>, WithMessage>>,
  Expect<Equal<LegalIn<'unknown' | 'body', Answers>, Everywhere>>,
  Expect<Equal<LegalIn<Stage, Answers>, Everywhere>>,
];
