import { Subject, type Observable } from 'rxjs';
import {
  addHeader,
  compose,
  deadline,
  allow,
  shadow,
  tempfail,
  type Decision,
  type Difference,
  type Filter,
  type MilterEvent,
  type Modification,
  type SessionInfo,
  type StageEvent,
} from 'rxmilter';

import { type LateDecision } from '../../src/operators/deadline.js';
import { type Reject } from '../../src/session/decisions.js';
import { typed } from './equal.js';

declare const filter: Filter;
declare const later: (difference: Difference) => Promise<void>;
declare const project: () => Reject;
declare const numbers: Subject<number>;

export const filters: Filter[] = [
  deadline(500, filter, tempfail('Slow')),
  deadline(500, (source) => source, 'pass'),
  deadline(500, filter, (event) => {
    typed<StageEvent>()(event);
    return event.stage === 'eom' ? tempfail() : 'pass';
  }),
  shadow(filter, (difference) => {
    typed<Difference>()(difference);
    typed<SessionInfo>()(difference.session);
    typed<MilterEvent>()(difference.event);
    typed<Decision | undefined>()(difference.would.decision);
    typed<readonly Modification[]>()(difference.did.modifications);
    typed<Error | undefined>()(difference.would.error);
  }),
  shadow(filter, new Subject<Difference>()),
  shadow(filter, new Subject<unknown>()),
  shadow(filter, { next: (one) => void later(one) }, { maxBytes: 1000, linger: 0 }),
  shadow(filter, later),
  compose(shadow(deadline(500, filter, 'pass'), later), filter),

  // @ts-expect-error it has to be said what happens then
  deadline(500, filter),
  // @ts-expect-error there is no such way out
  deadline(500, filter, 'tempfail'),
  // @ts-expect-error nor can a message be changed by not being in time
  deadline(500, filter, addHeader('A', 'b')),
  // @ts-expect-error the function has to decide
  deadline(500, filter, () => undefined),
  // @ts-expect-error a duration is a number
  deadline('5s', filter, 'pass'),
  // @ts-expect-error somebody has to be told
  shadow(filter),
  // @ts-expect-error these are others
  shadow(filter, numbers),
  // @ts-expect-error a project is no filter
  shadow(project, later),
  // @ts-expect-error there is no such option
  shadow(filter, later, { maxEvents: 5 }),
];

export const late: LateDecision[] = ['pass', allow(), (): 'pass' => 'pass'];
export const differences: Observable<Difference> = new Subject<Difference>();
