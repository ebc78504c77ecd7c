import { Observable, asyncScheduler, type Subscription } from 'rxjs';

import { Connection } from '../session/connection/connection.js';
import type { Mail, MilterEvent } from '../session/flow.js';
import { tagsFor } from '../session/negotiation/tags.js';
import { resolveOptions } from '../session/options.js';
import { ALL_STAGES } from '../session/stage.js';
import { TURN } from '../session/turn.js';
import { commandCodec, type Command } from '../transport/wire/commands.js';
import { SMFIP } from '../transport/wire/flags.js';
import type { RecordedSession } from './recording.js';

/** Where a session was recorded from its middle on: what every MTA offers. */
const OFFER: Command = { type: 'optneg', version: 6, actions: 0x1ff, protocol: 0x1fffff, lists: [] };

/** Nobody listens to the replies: those that count were given when it was recorded. */
const NOBODY = {
  write: () => true,
  pause: () => undefined,
  resume: () => undefined,
  end: () => undefined,
  destroy: () => undefined,
};

/**
 * The events of a recorded session as a source: the same events with the recorded pauses between them, to be piped
 * through a filter. Nothing is written anywhere; what comes out of the filter is to be looked at.
 *
 * Cold: each subscription plays it from its beginning, and unsubscribing stops it. It completes after its last event,
 * which is `close`. Pauses are rounded to milliseconds, and run in virtual time under RxJS's `TestScheduler`. The events
 * are those that the MTA sent then: a filter that wants others does not get them.
 *
 * @example replay(session).pipe(filter).subscribe((flow) => console.log(flow.stage));
 */
export function replay({ frames }: RecordedSession): Observable<MilterEvent> {
  return new Observable((subscriber) => {
    const commands = frames.flatMap(({ ms, from, message }) =>
      from === 'mta' ? [{ ms: Math.round(ms), message }] : [],
    );
    const answer = frames.find(
      ({ from, message }) => from === 'filter' && message.type === 'optneg',
    )?.message;
    const agreed = answer?.type === 'optneg' ? answer.protocol : 0;
    const connection = new Connection(
      NOBODY,
      resolveOptions({
        leadingSpace: (agreed & SMFIP.HDR_LEADSPC) !== 0,
        rejectedRecipients: (agreed & SMFIP.RCPT_REJ) !== 0,
      }),
      { watched: false, outcome: () => undefined, ended: () => undefined },
    );
    const plain = new Detacher();
    connection.attach(
      {
        next: (flow) => {
          if (flow.stage !== 'reply') subscriber.next(plain.detach(flow));
        },
        complete: () => undefined,
      },
      // Looked at and not decided: each event is over when it was emitted, and the next one can come.
      tagsFor(0, ALL_STAGES),
    );
    if (commands[0]?.message.type !== 'optneg') connection.receive(commandCodec.encode(OFFER));
    let at = 0;
    let now = 0;
    let timer: Subscription | undefined;
    const play = (): void => {
      for (;;) {
        const command = commands[at];
        if (subscriber.closed) return;
        if (command === undefined) {
          connection.eof();
          subscriber.complete();
          return;
        }
        const pause = command.ms - now;
        if (pause > 0) {
          now = command.ms;
          timer = asyncScheduler.schedule(play, pause);
          return;
        }
        at++;
        connection.receive(commandCodec.encode(command.message));
      }
    };
    play();
    return () => {
      timer?.unsubscribe();
      connection.destroy();
    };
  });
}

/** Makes events that no connection made of those that one did: theirs is over before a filter has thought of an answer. */
class Detacher {
  readonly #mails = new WeakMap<Mail, Mail>();

  detach(event: MilterEvent): MilterEvent {
    if (event.stage === 'mail') return this.#mail(event);
    const copy = without(event);
    return copy.stage === 'rcpt' ? { ...copy, mail: this.#mail(copy.mail) } : copy;
  }

  /** The same one for all recipients. */
  #mail(mail: Mail): Mail {
    let copy = this.#mails.get(mail);
    if (copy === undefined) {
      copy = without(mail);
      this.#mails.set(mail, copy);
    }
    return copy;
  }
}

function without<E extends MilterEvent>(event: E): E {
  const copy = { ...event };
  Reflect.deleteProperty(copy, TURN);
  return copy;
}
